"""What bench/kl.py does beside a model: its dump is one that kvlens reads, its figures are kvlens's."""

import sys
from pathlib import Path

import kvlens
import numpy
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import kl  # noqa: E402
import kl_dump  # noqa: E402

CONTEXT, TOKENS, POSITIONS = 40, 48, [40, 43, 46]


@pytest.fixture
def layers():
    random = numpy.random.default_rng(5)
    made = [random.standard_normal((tokens, heads, 32)).astype("<f2") for tokens, heads in [(TOKENS, 2), (TOKENS, 2), (3, 6)] * 2]
    return [kl_dump.Layer(*made[:3], scale=0.2), kl_dump.Layer(*made[3:], scale=0.2, window=16, softcap=5.0)]


def test_its_errors_are_those_that_kvlens_finds_in_its_dump(layers, tmp_path):
    kl_dump.write(tmp_path / "dump", "text", layers, CONTEXT, POSITIONS)
    schemes = {"k_scheme": "int:b=4,per=token", "v_scheme": "q8_0"}
    packed = kvlens.pack(tmp_path / "dump", tmp_path / "cache.kvz", **schemes, sinks=0, recent=TOKENS - CONTEXT)
    kvlens.unpack(packed.path, tmp_path / "back")
    context = kl_dump.read_context(tmp_path / "back", "text", layers, CONTEXT)
    errors = [kl_dump.errors(layer, k, v, POSITIONS) for layer, (k, v) in zip(layers, context)]
    assert packed.attention_error == pytest.approx(numpy.mean([each.attention for each in errors]), rel=1e-3)
    assert packed.cosine_k == pytest.approx(numpy.mean([each.cosine_k for each in errors]), abs=1e-6)
    assert packed.cosine_v == pytest.approx(numpy.mean([each.cosine_v for each in errors]), abs=1e-6)


def test_the_context_has_what_the_evaluated_tokens_leave_of_a_file():
    told = """K q8_0: 1500 bytes, 1.3x; V lossless: 1600 bytes, 1.25x
K read back: cosine 0.999 (mean over captures 0.999), NMSE 1e-4, index 2.5e-3
V read back: cosine 1.0 (mean over captures 1.0), NMSE 0e0, index 0e0
attention error 1e-3: estimated KL 7e-3 (7 times it)"""
    row = kl.row_of("q8_0/lossless", told, raw=3000, evaluated=1000)
    assert (row.context_bytes, row.estimated_kl, row.index) == (1500 - 500 + 1600 * 3 // 4, 0.007, 0.0025)
    with pytest.raises(SystemExit, match="attention"):
        kl.row_of("q8_0", told[: told.index("attention")], 3000, 1000)


def test_ranks_share_a_place_where_values_are_equal():
    assert kl_dump.ranks([3.0, 1.0, 3.0, 2.0]).tolist() == [3.5, 1.0, 3.5, 2.0]
    assert kl_dump.spearman([1, 2, 3, 4], [1, 8, 9, 100]) == pytest.approx(1)


def test_a_ratio_lies_between_the_nearest_two():
    points = [(1e-4, 2.0), (1e-2, 18.0), (1.0, 19.0)]
    assert kl_dump.ratio_at(1e-3, points) == pytest.approx(6)
    assert kl_dump.ratio_at(2.0, points) is None


def test_the_reference_s_methods_are_those_of_the_command_line(layers, command_line, tmp_path):
    kl_dump.write(tmp_path / "dump", "text", layers, CONTEXT, POSITIONS)
    for method, flag, change in (("truncate", "--lossy-mantissa-bits", kl_dump.truncate), ("quant", "--lossy-bits", kl_dump.quantize)):
        flags = ["--lossless-first-n", "0", "--stage", "prefill", "--lossy-method", method, flag, "4"]
        rows = command_line("mixed", tmp_path / "dump", *flags, out=method)["lossy_error_metrics.csv"].decode().splitlines()
        first = dict(zip(rows[0].split(","), rows[1].split(",")))
        exact = layers[0].k[:CONTEXT].astype("f8")
        assert float(first["k_max_abs"]) == pytest.approx(numpy.abs(change(layers[0].k[:CONTEXT], 4) - exact).max(), abs=1e-6)
