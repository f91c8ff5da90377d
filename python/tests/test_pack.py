"""A `.kvz` through Python is the command line's, and gives the captures back."""

import os
import signal
import subprocess
import sys
import time

import kvlens
import numpy
import pytest


@pytest.fixture
def command_line_pack(tmp_path):
    program = os.environ.get("KVLENS_BIN")
    if program is None:
        pytest.skip("KVLENS_BIN does not say where the command line is")

    def run(dump, *flags):
        out = tmp_path / "theirs.kvz"
        subprocess.run([program, "pack", str(dump), "-o", str(out), *flags], check=True, capture_output=True)
        return out.read_bytes()

    return run


@pytest.fixture
def two_layers(sample, tmp_path):
    """Little of the sample: a search is slow where nothing is optimised."""
    return kvlens.convert(sample, tmp_path / "two", layers="8,14")


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.bin")}


def test_a_scheme_gives_the_bytes_of_the_command_line(sample, tmp_path, command_line_pack):
    packed = kvlens.pack(sample, tmp_path / "ours.kvz", k_scheme="q8_0", v_scheme="int:b=4,per=token", sinks=2)
    assert packed.path.read_bytes() == command_line_pack(sample, "--k-scheme", "q8_0", "--v-scheme", "int:b=4,per=token", "--sinks", "2")
    assert packed.bytes_index + packed.bytes_k + packed.bytes_v + packed.bytes_queries == packed.path.stat().st_size
    assert packed.ratio == packed.bytes_raw / (packed.bytes_k + packed.bytes_v) > 1.5
    assert 0.9999 < packed.cosine_k < 1 and 0.9 < packed.cosine_v < packed.cosine_k


def test_a_limit_gives_the_bytes_of_the_command_line_and_is_kept(two_layers, tmp_path, command_line_pack):
    told = []
    packed = kvlens.pack(two_layers, tmp_path / "ours.kvz", min_cosine=0.999, progress=lambda *each: told.append(each))
    assert packed.path.read_bytes() == command_line_pack(two_layers, "--min-cosine", "0.999")
    assert packed.k_scheme.startswith("tkc:")
    assert min(packed.cosine_k, packed.cosine_v) >= 0.999
    assert told[-1] == ("reading back", 1.0)
    assert all(0 <= share <= 1 for _, share in told)


def test_unpack_gives_the_captures_back(two_layers, tmp_path):
    packed = kvlens.pack(two_layers, tmp_path / "cache.kvz", "lossless", queries=True)
    assert (packed.cosine_k, packed.attention_error, packed.problems) == (1.0, 0.0, [])
    assert sorted(files_of(kvlens.unpack(packed.path, tmp_path / "back")).values()) == sorted(files_of(two_layers).values())


def test_queries_give_an_attention_error_and_are_kept_when_asked(tmp_path):
    values = numpy.random.default_rng(1).standard_normal((2, 1, 2, 64, 32)).astype("float16")
    queries = {0: {"q": values[0, 0].transpose(1, 0, 2)[-8:], "positions": range(56, 64), "scale": 0.2}}
    packed = kvlens.pack([tuple(values)], tmp_path / "a.kvz", "int:b=4,per=token", queries=True, captured_queries=queries)
    assert packed.estimated_kl == pytest.approx(7 * packed.attention_error) and packed.attention_error > 0
    assert packed.bytes_queries > 0
    assert kvlens.scan(packed.path)["queries"]


WRONG = [
    ({}, "give scheme"),
    ({"scheme": "nosuch"}, "scheme: .*nosuch"),
    ({"k_scheme": "nosuch", "v_scheme": "int:b=99"}, "(?s)k_scheme: .*v_scheme: "),
    ({"min_cosine": 2}, "min_cosine: 2 is not a number above 0, 1 at the most"),
    ({"max_index": float("nan")}, "max_index: NaN is not"),
    ({"min_cosine": 0.9, "max_index": 0.1}, "min_cosine can't be used with max_index"),
    ({"min_cosine": 0.9, "scheme": "q8_0"}, "min_cosine can't be used with a scheme"),
    ({"scheme": "q8_0", "sinks": -1}, "sinks: -1 is not a number of at least 0"),
]


@pytest.mark.parametrize("asked, told", WRONG)
def test_what_can_not_be_used_is_said_and_nothing_is_written(asked, told, two_layers, tmp_path):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match=told):
        kvlens.pack(two_layers, tmp_path / "a.kvz", **asked)
    assert sorted(tmp_path.iterdir()) == before


def test_a_limit_of_attention_errors_needs_queries(tmp_path):
    values = numpy.ones((1, 2, 16, 32), "float16")
    with pytest.raises(ValueError, match="no captured queries"):
        kvlens.pack([(values, values)], tmp_path / "a.kvz", max_attention_error=0.01)


def test_nothing_is_overwritten_or_put_into_the_dump(two_layers, tmp_path):
    (tmp_path / "a.kvz").write_text("mine")
    with pytest.raises(FileExistsError, match="exists already"):
        kvlens.pack(two_layers, tmp_path / "a.kvz", "q8_0")
    with pytest.raises(ValueError, match="lies in the dump"):
        kvlens.pack(two_layers, two_layers / "a.kvz", "q8_0")
    with pytest.raises(FileExistsError, match="exists already"):
        kvlens.unpack(two_layers, tmp_path / "a.kvz")
    with pytest.raises(OSError, match="nothing.kvz"):
        kvlens.unpack(tmp_path / "nothing.kvz", tmp_path / "b")
    with pytest.raises(OSError, match="no/folder/a.kvz"):
        kvlens.pack(two_layers, tmp_path / "no/folder/a.kvz", "q8_0")


def test_what_a_progress_function_raises_ends_packing(sample, tmp_path):
    def stop(*_):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        kvlens.pack(sample, tmp_path / "a.kvz", min_cosine=0.999, progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill")
def test_ctrl_c_ends_packing_and_leaves_no_file(sample, tmp_path, begin):
    program = f"import kvlens\nprint('begun', flush=True)\nkvlens.pack({str(sample)!r}, {str(tmp_path / 'a.kvz')!r}, min_cosine=0.999)"
    child = begin(program)
    child.stdout.readline()
    time.sleep(0.3)
    os.kill(child.pid, signal.SIGINT)
    _, told = child.communicate(timeout=120)
    assert "KeyboardInterrupt" in told
    assert list(tmp_path.iterdir()) == []
