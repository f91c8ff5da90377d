"""Real torch tensors, transformers caches, mlx and JAX arrays: where they are installed."""

import kvlens
import pytest

numpy = pytest.importorskip("numpy")


def pairs(layers=3):
    make = numpy.random.default_rng(0).standard_normal
    return [tuple(make((1, 2, 40, 8)).astype("float32") for _ in "kv") for _ in range(layers)]


def reports(cache):
    return dict(kvlens.analyze(cache, lossless_first_n=1).files)


def test_torch_tensors_of_every_type_are_what_torch_saves(tmp_path):
    torch = pytest.importorskip("torch")
    types = [torch.float16, torch.bfloat16, torch.float32, torch.float8_e4m3fn, torch.float8_e5m2]
    for dtype in types:
        cache = tuple(tuple(torch.from_numpy(value).to(dtype) for value in pair) for pair in pairs())
        torch.save(cache, tmp_path / "cache.pt")
        assert reports(cache) == reports(tmp_path / "cache.pt"), dtype
    strided = tuple(tuple(value.transpose(1, 2).contiguous().transpose(1, 2) for value in pair) for pair in cache)
    assert not strided[0][0].is_contiguous()
    assert reports(strided) == reports(cache)
    negative = tuple(tuple(torch._neg_view(torch.from_numpy(-value)) for value in pair) for pair in pairs())
    assert reports(negative) == reports(pairs())
    needs_gradient = tuple(tuple(torch.from_numpy(value).requires_grad_() for value in pair) for pair in pairs())
    assert reports(needs_gradient) == reports(pairs())


def test_transformers_caches_of_a_model(tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2
    )
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        cache = model(torch.arange(40).reshape(1, 40), use_cache=True).past_key_values
    assert kvlens.scan(cache)["shapes"] == [{"seqLen": 40, "kvHeads": 2, "headDim": 8, "captures": 3}]
    legacy = [(layer.keys, layer.values) for layer in cache.layers] if hasattr(cache, "layers") else cache.to_legacy_cache()
    assert reports(cache) == reports(legacy)
    path = kvlens.save(cache, tmp_path / "cache.zip")
    assert reports(path) == reports(cache)
    static = transformers.StaticCache(config=config, max_cache_len=64)
    with torch.no_grad():
        model(torch.arange(40).reshape(1, 40), past_key_values=static, use_cache=True)
    kinds = [caveat["kind"] for caveat in kvlens.analyze(static).caveats]
    assert "zero-tail" in kinds


def test_mlx_arrays():
    core = pytest.importorskip("mlx.core")
    for dtype in (core.float16, core.bfloat16, core.float32):
        cache = [tuple(core.array(value).astype(dtype) for value in pair) for pair in pairs()]
        listed = kvlens.scan(cache)
        assert listed["captures"] == 3 and listed["shapes"][0]["seqLen"] == 40
    assert reports(cache) == reports(pairs())
    turned = [tuple(value.transpose(0, 2, 1, 3).transpose(0, 2, 1, 3) for value in pair) for pair in cache]
    assert reports(turned) == reports(pairs())


def test_mlx_arrays_that_are_not_computed_yet_are_packed_and_saved(tmp_path):
    core = pytest.importorskip("mlx.core")
    expected = [tuple(value + 1 for value in pair) for pair in pairs()]
    theirs = kvlens.pack(expected, tmp_path / "theirs.kvz", "lossless").path.read_bytes()
    for name, change in [("as they are", lambda value: value), ("turned", lambda value: value.swapaxes(2, 3))]:
        cache = [tuple(change(change(core.array(value)) + 1) for value in pair) for pair in pairs()]
        assert kvlens.pack(cache, tmp_path / f"{name}.kvz", "lossless").path.read_bytes() == theirs
        assert reports(kvlens.save(cache, tmp_path / f"{name}.zip")) == reports(expected)


def test_jax_arrays():
    jnp = pytest.importorskip("jax.numpy")
    for dtype in (jnp.float16, jnp.bfloat16, jnp.float32):
        cache = [tuple(jnp.asarray(value, dtype=dtype) for value in pair) for pair in pairs()]
        assert kvlens.scan(cache)["captures"] == 3
    assert reports(cache) == reports(pairs())
