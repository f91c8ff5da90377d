"""Where the data of the tests are, and the command line that reports are compared with."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data"


@pytest.fixture(scope="session")
def sample():
    return DATA / "sample-dump/dumps"


@pytest.fixture(scope="session")
def edge():
    return DATA / "edge-dump"


@pytest.fixture
def command_line(tmp_path):
    """Runs ``kvlens`` and gives the files that it writes."""
    program = os.environ.get("KVLENS_BIN")
    if program is None:
        pytest.skip("KVLENS_BIN does not say where the command line is")

    def run(tool, dump, *flags, out="kvlens-reports"):
        subprocess.run([program, tool, str(dump), "--out-dir", out, *flags], cwd=tmp_path, check=True, capture_output=True)
        folder = tmp_path / out
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    return run
