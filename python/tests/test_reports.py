"""Reports through Python are the reference's and the command line's."""

import csv
import io
import json
import math
from pathlib import Path

import kvlens
import pytest
from conftest import DATA

CASES = json.loads((DATA / "golden/cases.json").read_text())
ANALYSES = [
    ("mixed", {"lossy_method": "quant", "lossy_bits": 6}),
    ("blocknorm", {"topk_ratio": 0.3}),
    ("sweep", {"bits_list": [8], "topk_ratios": [0.02, 0.1], "save_combo": True}),
    ("lossy-compare", {"modes": ["clip", "quant"]}),
]


def settings_of(flags):
    settings, place = {}, 0
    while place < len(flags):
        name = flags[place][2:].replace("-", "_")
        has_value = place + 1 < len(flags) and not flags[place + 1].startswith("--")
        settings[name] = flags[place + 1] if has_value else True
        place += 1 + has_value
    return settings


def close(ours, golden, name):
    """Cosines depend on numpy's BLAS; the rest is the same text."""
    if ours == golden:
        return
    if not name.endswith(".csv"):
        pytest.fail(f"{name} differs")
    both = [list(csv.reader(io.StringIO(text.decode()))) for text in (ours, golden)]
    head = both[0][0]
    assert head == both[1][0]
    for mine, theirs in zip(*both):
        for column, a, b in zip(head, mine, theirs):
            assert a == b or ("cosine" in column and math.isclose(float(a), float(b), abs_tol=1e-6)), f"{name}: {column}: {a}, {b}"


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_golden_cases(case, sample, edge, tmp_path):
    dump = edge if case["dump"] == "edge" else sample
    settings = settings_of(case["args"])
    result = kvlens.analyze(dump, case["tool"], keep_rows=False, **settings)
    golden = DATA / "golden" / case["name"]
    names = {str(path.relative_to(golden)) for path in golden.rglob("*") if path.is_file()}
    assert set(result.files) == names
    for name in names:
        if name == "blocknorm_sweep.csv" or name.endswith(".md"):
            # The sweep names its folder; summaries round cosines.
            continue
        close(result.files[name], (golden / name).read_bytes(), name)


@pytest.mark.parametrize("analysis, settings", ANALYSES)
def test_files_are_the_command_lines_byte_for_byte(analysis, settings, sample, command_line, tmp_path):
    flags = []
    for name, value in settings.items():
        flags.append("--" + name.replace("_", "-"))
        if value is not True:
            flags.append(",".join(map(str, value)) if isinstance(value, list) else str(value))
    expected = command_line(analysis, sample, *flags)
    result = kvlens.analyze(sample, analysis, threads=1, **settings)
    assert dict(result.files) == expected
    # Saved elsewhere, the sweep's report names the place.
    folder = str(tmp_path / "elsewhere")
    expected = command_line(analysis, sample, *flags, out=folder)
    again = {name: (tmp_path / "elsewhere" / name).read_bytes() for name in expected}
    assert again == expected
    (tmp_path / "elsewhere/notes.txt").write_text("a user's")
    assert str(result.save(folder)) == folder
    assert {name: (tmp_path / "elsewhere" / name).read_bytes() for name in expected} == expected
    left = {str(path.relative_to(folder)) for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()}
    assert left == {*expected, "notes.txt"}


def test_explore_answers_in_sentences(edge):
    result = kvlens.analyze(edge, "explore")
    assert result.explored["choices"] and result.answer
    assert "explore_summary.md" in result.files or any(name.endswith(".md") for name in result.files)
    with pytest.raises(AttributeError, match="explored"):
        result.rows
    assert "<svg" in result._repr_html_() or result.answer[0] in result._repr_html_()


def test_all_that_is_wrong_with_settings_is_said_at_once_under_their_names(edge):
    with pytest.raises(ValueError) as error:
        kvlens.analyze(edge, "mixed", zstd_level=99, no_such=1, lossy_bits=1)
    assert str(error.value).splitlines() == [
        'zstd_level: "99" is not a whole number from -131072 to 22',
        "no_such: no such setting",
        'lossy_bits: "1" is not a whole number from 2 to 24',
    ]
    with pytest.raises(ValueError, match="there are mixed, blocknorm"):
        kvlens.analyze(edge, "mix")
    with pytest.raises(ValueError, match="none of the 23 captures matches stage prefill, min-seq-len 999"):
        kvlens.analyze(edge, "mixed", stage="prefill", min_seq_len=999)
    with pytest.raises(ValueError, match="axes: "):
        kvlens.analyze(edge, axes="up,down")
    with pytest.raises(OSError, match="not-there"):
        kvlens.analyze("not-there")


def test_numbers_that_can_not_be_are_said_under_their_names(edge):
    for name, wrong in [("threads", 0), ("threads", -1), ("threads", 1025), ("kv_heads", 0), ("kv_heads", -1)]:
        with pytest.raises(ValueError, match=f"{name}: {wrong} is not a"):
            kvlens.analyze(edge, **{name: wrong})


def test_settings_may_be_numpys_and_the_folder_a_path(edge, tmp_path):
    numpy = pytest.importorskip("numpy")
    given = {"trim_zeros": numpy.bool_(True), "lossless_first_n": numpy.array(1), "bits_list": numpy.array([8, 10])}
    result = kvlens.analyze(edge, "sweep", out_dir=tmp_path / "out", **given)
    assert [result.settings[name] for name in ("trim-zeros", "lossless-first-n", "bits-list")] == [True, 1, [8, 10]]
    assert result.save() == tmp_path / "out"


def test_as_is_a_word_of_pythons(edge):
    assert kvlens.analyses()["mixed"]["settings"]["as_"]
    assert kvlens.analyze(edge, as_="bf16").settings["as"] == "bf16"


def test_problems_are_told_and_the_rest_is_analysed(edge, tmp_path):
    import shutil

    dump = tmp_path / "dump"
    shutil.copytree(edge, dump)
    (dump / "order/layer_2/meta_t9_12.json").write_text("{")
    result = kvlens.analyze(dump)
    # The edge dump has one of its own.
    files = sorted(problem["file"] for problem in result.problems)
    assert files == ["meta/layer_9/meta_t0_5.json", "order/layer_2/meta_t9_12.json"]
    assert result.summary["captures"] == kvlens.analyze(edge).summary["captures"] - 1
    assert "left out: order/layer_2" in result._repr_html_()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no capture"):
        kvlens.analyze(tmp_path / "empty")


def test_a_save_that_fails_leaves_the_reports_that_are_there(edge, tmp_path, monkeypatch):
    kvlens.analyze(edge).save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    other = kvlens.analyze(edge, lossy_mantissa_bits=2)
    write, written = Path.write_bytes, []

    def once(path, content):
        if written:
            raise OSError("no room")
        written.append(path)
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", once)
    with pytest.raises(OSError, match="no room"):
        other.save(tmp_path)
    assert len(before) > 1 and {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_is_not_there_is_named(sample, tmp_path):
    with pytest.raises(FileNotFoundError, match="a.zip: there is no folder .*not-there"):
        kvlens.convert(sample, tmp_path / "not-there" / "a.zip")
    kvlens.convert(sample, tmp_path / "a.zip", layers=0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_scan_tells_what_a_dump_holds(sample):
    listed = kvlens.scan(sample, values=True)
    assert listed["captures"] == 81 and listed["problems"] == []
    assert {run["run"] for run in listed["runs"]}
    assert isinstance(listed["caveats"], list)


def test_convert_writes_what_gives_the_same_reports(sample, tmp_path):
    expected = kvlens.analyze(sample).files
    for name in ("copy.zip", "copy.safetensors", "copy"):
        path = kvlens.convert(sample, tmp_path / name)
        assert dict(kvlens.analyze(path).files) == dict(expected), name
        with pytest.raises(FileExistsError):
            kvlens.convert(sample, path)
    some = kvlens.convert(sample, tmp_path / "some", layers="8", tokens="..128")
    assert [layer["layerId"] for layer in kvlens.scan(some)["layers"]] == [8]
    same = kvlens.convert(sample, tmp_path / "same", layers=[8], tokens="..128")
    assert kvlens.scan(same)["layers"] == kvlens.scan(some)["layers"]
    with pytest.raises(ValueError) as error:
        kvlens.convert(sample, tmp_path / "none", format="npz", stage="all", layers="x", tokens="5", dtype="fp8")
    assert str(error.value).splitlines() == [
        'format: "npz" is not one of folder, zip, safetensors',
        'stage: "all" is not one of both, prefill, decode',
        'layers: "x" is not a list of layers such as 0-3,7',
        'tokens: "5" is not a range of tokens such as 0..128, ..128 or 128..',
        'dtype: "fp8" is not one of fp16, bf16',
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "copy.safetensors", "copy.zip", "same", "some"]


def test_what_a_conversion_leaves_out_is_told(edge, tmp_path):
    with pytest.warns(UserWarning, match="left out: meta/layer_9/meta_t0_5.json: "):
        kvlens.convert(edge, tmp_path / "copy.zip")
