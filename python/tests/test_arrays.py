"""Caches and arrays in memory give the reports that they give as files."""

import array
import struct

import kvlens
import pytest

numpy = pytest.importorskip("numpy")


def values(seed, shape=(1, 2, 48, 8), dtype="float16"):
    return numpy.random.default_rng(seed).standard_normal(shape).astype(dtype)


def legacy(layers=3, **kwargs):
    return tuple((values(2 * layer, **kwargs), values(2 * layer + 1, **kwargs)) for layer in range(layers))


def reports(cache, **settings):
    return dict(kvlens.analyze(cache, lossless_first_n=1, **settings).files)


class Layer:
    def __init__(self, keys, values):
        self.keys, self.values = keys, values


class NewCache:
    """As transformers has it since 4.56."""

    def __init__(self, pairs):
        self.layers = [Layer(*pair) for pair in pairs]


class OldCache:
    """As it was before."""

    def __init__(self, pairs):
        self.key_cache = [k for k, _ in pairs]
        self.value_cache = [v for _, v in pairs]


class Growing:
    """As mlx-lm has it since 0.32: the state has the buffers, with room for more tokens."""

    def __init__(self, pair):
        self.offset = pair[0].shape[2]
        room = [numpy.concatenate([each, numpy.zeros_like(each)], axis=2) for each in pair]
        self.keys, self.values = room

    def keys_and_values(self):
        return self.keys[..., : self.offset, :], self.values[..., : self.offset, :]

    @property
    def state(self):
        return self.keys, self.values, self.offset


class Older:
    """As it was before: the state is cut."""

    def __init__(self, pair):
        self.grown = Growing(pair)
        self.keys, self.values = self.grown.keys, self.grown.values

    @property
    def state(self):
        return self.grown.keys_and_values()


class Ring:
    """mlx-lm's sliding window: the newest token lies before the oldest one."""

    keep, _idx, offset = 4, 20, 1000

    def __init__(self, pair):
        turn = [numpy.concatenate([each[:, :, :4], each[:, :, 32:], each[:, :, 4:32]], axis=2) for each in pair]
        self.keys, self.values = turn
        self.max_size = self.keys.shape[2]

    @property
    def state(self):
        return self.keys, self.values, self.offset, self.keep, self.max_size, self._idx


class Linear:
    """A layer of linear attention, as mlx-lm has it."""

    state = [values(0), values(1)]


class EncoderDecoder:
    def __init__(self, pairs):
        self.self_attention_cache = NewCache(pairs)


def test_every_form_of_a_cache_says_the_same(tmp_path, command_line):
    pairs = legacy()
    expected = reports(pairs)
    mapping = {f"past_key_values.{layer}.{name}": value for layer, pair in enumerate(pairs) for name, value in zip(("key", "value"), pair)}
    unfilled = NewCache(pairs)
    unfilled.layers.append(Layer(None, None))
    written = [[kind(pair) for pair in pairs] for kind in (Growing, Older, Ring)]
    for cache in (*written, list(pairs), NewCache(pairs), OldCache(pairs), EncoderDecoder(pairs), unfilled, [(k, v, k, v) for k, v in pairs]):
        assert reports(cache) == expected, type(cache)
    assert reports(mapping, axes="batch,heads,seq,dim") == expected
    for name in ("cache.safetensors", "cache.zip", "cache"):
        path = kvlens.save(pairs, tmp_path / name)
        assert reports(path) == expected
        assert command_line("mixed", path, "--lossless-first-n", "1") == expected


@pytest.mark.parametrize("dtype", ["float16", "float32", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_every_type_of_numpy_is_read(dtype):
    if dtype.startswith(("bfloat", "float8")):
        ml_dtypes = pytest.importorskip("ml_dtypes")
        kind = getattr(ml_dtypes, dtype)
    else:
        kind = numpy.dtype(dtype)
    cache = [(values(0).astype(kind), values(1).astype(kind))]
    names = {"float16": "fp16", "float32": "fp32", "bfloat16": "bf16", "float8_e4m3fn": "fp8_e4m3", "float8_e5m2": "fp8_e5m2"}
    assert kvlens.scan(cache)["dtypes"][0]["dtype"] == names[dtype]


def test_layouts_are_brought_in_order():
    pairs = legacy()
    expected = reports(pairs)
    swapped = [tuple(value.astype(value.dtype.newbyteorder(">")) for value in pair) for pair in pairs]
    assert reports(swapped) == expected
    strided = []
    for pair in pairs:
        wide = [numpy.zeros((1, 2, 48, 16), "float16") for _ in pair]
        for room, value in zip(wide, pair):
            room[..., ::2] = value
        strided.append(tuple(room[..., ::2] for room in wide))
    assert reports(strided) == expected
    transposed = [tuple(value.transpose(0, 2, 1, 3) for value in pair) for pair in pairs]
    mapping = {f"layers.{layer}.{name}": value for layer, pair in enumerate(transposed) for name, value in zip("kv", pair)}
    assert reports(mapping, axes="batch,seq,heads,dim") == expected


def test_a_large_cache_is_not_copied():
    tracemalloc = pytest.importorskip("tracemalloc")
    pairs = legacy(layers=16, shape=(1, 4, 4096, 32))
    size = sum(value.nbytes for pair in pairs for value in pair)
    tracemalloc.start()
    kvlens.scan(pairs)
    kvlens.analyze(pairs, "blocknorm", keep_rows=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A capture's K and V at a time.
    assert peak < size / 4, (peak, size)


def test_the_buffer_protocol_and_dlpack_are_enough():
    flat = array.array("f", [0.25 * place for place in range(96)])
    shaped = memoryview(flat).cast("B").cast("f", (1, 2, 12, 4))
    listed = kvlens.scan([(shaped, shaped)])
    assert listed["shapes"][0]["seqLen"] == 12 and listed["dtypes"][0]["dtype"] == "fp32"

    class OnlyDlpack:
        def __init__(self, value):
            self.value = value

        def __dlpack__(self, **kwargs):
            return self.value.__dlpack__(**kwargs)

        def __dlpack_device__(self):
            return self.value.__dlpack_device__()

    pairs = legacy()
    wrapped = [tuple(OnlyDlpack(value) for value in pair) for pair in pairs]
    assert reports({f"layers.{place}.{name}": value for place, pair in enumerate(wrapped) for name, value in zip("kv", pair)}, axes="batch,heads,seq,dim") == reports(
        {f"layers.{place}.{name}": value for place, pair in enumerate(pairs) for name, value in zip("kv", pair)}, axes="batch,heads,seq,dim"
    )


def test_what_is_no_cache_is_told_so():
    for wrong, told in [
        (7, "int is not a cache"),
        ({}, "mapping is empty"),
        ([], "cache is empty"),
        ([(1, 2)], "a int is not an array"),
        ([(values(0).astype("complex64"),) * 2], "complex64 are not supported"),
        ([3], "expected K and V"),
    ]:
        with pytest.raises(TypeError, match=told):
            kvlens.analyze(wrong)
    with pytest.raises(ValueError, match="no capture"):
        kvlens.analyze({"weights": values(0)})


def test_layers_without_k_and_v_are_left_out_with_a_warning():
    pairs = legacy()
    k, v = pairs[1]
    for layer, told in [
        (Linear(), "layer 1 is a Linear, without K and V"),
        ((k, None), "layer 1 has K but no V"),
        ((k[:, :, :0], v), "layer 1 has V but no K"),
    ]:
        with pytest.warns(UserWarning, match=told):
            listed = kvlens.scan([pairs[0], layer, pairs[2]])
        assert [each["layerId"] for each in listed["layers"]] == [0, 2]
    with pytest.raises(TypeError, match="a Linear, expected K and V"):
        kvlens.scan([Linear()])


def test_an_array_elsewhere_is_fetched_when_its_turn_comes(monkeypatch):
    class Elsewhere:
        """As JAX has it: on another device."""

        def __init__(self, value):
            self.value, self.shape, self.dtype = value, value.shape, value.dtype

        def __array__(self, *_, **__):
            fetched.append(self)
            return self.value

    pairs, fetched = legacy(shape=(1, 2, 8192, 8)), []
    cache = [tuple(Elsewhere(value) for value in pair) for pair in pairs]
    kvlens.scan(cache)
    # A file's head is read with what follows it.
    assert len(fetched) <= 1
    assert reports(cache) == reports(pairs)

    def broken(*_, **__):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Elsewhere, "__array__", broken)
    with pytest.raises(ValueError, match="out of memory"):
        kvlens.analyze(cache)

    class Nowhere:
        dtype, shape = "float32", (1, 2, 4, 8)

    with pytest.raises(TypeError, match="a Nowhere is not an array"):
        kvlens.scan([(Nowhere(), Nowhere())])


def test_queries_that_can_not_be_used_are_no_loss_without_a_word(tmp_path):
    good = {"q": values(9, shape=(4, 4, 8)), "positions": range(44, 48), "scale": 0.3}
    for queries, told in [
        ({0: {**good, "positions": [1, 2]}}, "queries of layer 0: shape: found fp16"),
        ({0: {"q": good["q"], "positions": good["positions"]}}, "queries of layer 0: scale: "),
        ({0: {"positions": [1]}, 1: {**good, "theta": 1}}, "(?s)layer 0: q is missing.*layer 1: theta is not one of q, positions, scale"),
        ({7: good}, "queries of layer 7: the cache has no such layer"),
    ]:
        with pytest.raises(ValueError, match=told):
            kvlens.save(legacy(), tmp_path / "dump.zip", queries=queries)
        with pytest.raises(ValueError, match=told):
            kvlens.pack(legacy(), tmp_path / "dump.kvz", "lossless", captured_queries=queries)
    path = kvlens.save(legacy(), tmp_path / "cache.zip", queries={0: {**good, "sliding_window": None}})
    with pytest.raises(ValueError, match="with a cache in memory only"):
        kvlens.save(path, tmp_path / "dump.zip", queries={0: good})
    assert [entry.name for entry in tmp_path.iterdir()] == ["cache.zip"]


def test_queries_that_are_saved_with_a_cache_are_found(tmp_path):
    queries = {0: {"q": values(9, shape=(4, 4, 8), dtype="float32"), "positions": numpy.arange(44, 48), "scale": 8**-0.5}}
    for name in ("dump.safetensors", "dump"):
        path = kvlens.save(legacy(), tmp_path / name, queries=queries)
        found = kvlens.scan(path)["queries"]
        assert [(each["layerId"], each["queries"]) for each in found] == [(0, 4)]


def test_names_of_paths_may_be_several(tmp_path):
    paths = [kvlens.save(legacy(), tmp_path / name) for name in ("one.safetensors", "two.safetensors")]
    assert kvlens.scan(paths)["captures"] == 6
    assert kvlens.scan(str(paths[0]))["captures"] == 3


def test_struct_of_the_head_is_padded():
    from kvlens._arrays import array as named
    from kvlens._virtual import SafetensorsView

    view = SafetensorsView([named("a", values(0)), named("b", numpy.zeros((0, 2), "float16")), named("c", values(1))])
    whole = view.read(0, 0, view.size)
    (length,) = struct.unpack("<Q", whole[:8])
    assert length % 8 == 0 and len(whole) == view.size
    assert whole[8 + length :] == values(0).tobytes() + values(1).tobytes()
    for start in range(0, view.size, 997):
        assert view.read(0, start, 13 if start + 13 <= view.size else 1) == whole[start : start + (13 if start + 13 <= view.size else 1)]
