"""Rows as tables of other libraries, and what a notebook shows."""

import io
import re
import xml.etree.ElementTree as ElementTree

import kvlens
import pytest


def test_rows_are_those_of_the_report_in_pandas_polars_and_pyarrow(sample):
    result = kvlens.analyze(sample, "blocknorm")
    metrics = result.files["blocknorm_metrics.csv"]
    pandas = pytest.importorskip("pandas")
    expected = pandas.read_csv(io.BytesIO(metrics))
    frame = result.rows.to_pandas()
    assert len(frame) == len(result.rows) == len(expected)
    for column in ("layer_id", "seq_len", "k_ratio", "v_ratio", "k_mae", "v_cosine"):
        assert frame[column].tolist() == expected[column].tolist(), column
    polars = pytest.importorskip("polars")
    assert polars.DataFrame(result.rows)["k_ratio"].to_list() == expected["k_ratio"].tolist()
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table(result.rows)
    assert len(table) == len(expected) and table.schema.field("v_kv_heads").nullable
    assert all(path.endswith(".json") for path in table.column("path").to_pylist())


def test_a_sweep_has_rows_of_every_combination(edge):
    result = kvlens.analyze(edge, "sweep", bits_list=[8], lossless_first_n=0)
    assert len(result.rows) == result.summary["captures"] * 9
    with pytest.raises(AttributeError, match="not kept"):
        kvlens.analyze(edge, "sweep", keep_rows=False).rows


@pytest.mark.parametrize("analysis, count", [("mixed", 2), ("sweep", 1), ("lossy-compare", 1)])
def test_a_notebook_shows_figures_that_need_nothing_else(sample, analysis, count):
    html = kvlens.analyze(sample, analysis)._repr_html_()
    figures = re.findall(r"<svg.*?</svg>", html, re.S)
    assert len(figures) == count
    for figure in figures:
        root = ElementTree.fromstring(figure)
        assert root.get("role") == "img" and root.get("aria-label")
    assert "<script" not in html and not re.search(r'(src|href)=', html)


@pytest.mark.parametrize("analysis", ["mixed", "blocknorm", "sweep", "lossy-compare"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_notebook_shows_a_result_whose_errors_are_not_numbers(analysis, side):
    numpy = pytest.importorskip("numpy")
    pairs = [numpy.random.default_rng(0).standard_normal((2, 1, 2, 48, 8)).astype("float16") for _ in range(3)]
    for pair in pairs:
        pair[side, 0, 0, 0, 0] = numpy.nan
    settings = {"lossy_method": "quant"} if analysis == "mixed" else {}
    html = kvlens.analyze([tuple(pair) for pair in pairs], analysis, **settings)._repr_html_()
    assert f"kvlens {analysis}" in html and "None" not in html


def test_names_from_a_dump_are_text_in_a_notebook(tmp_path):
    numpy = pytest.importorskip("numpy")
    values = numpy.ones((1, 1, 4, 4), "float16")
    broken = {"<b>.0.k": values, "layers.0.k": values, "layers.0.v": values}
    html = kvlens.analyze(broken, axes="batch,heads,seq,dim", lossless_first_n=0)._repr_html_()
    assert "<b>.0" not in html
