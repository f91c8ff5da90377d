"""Where the data of the tests are, and the command line that reports are compared with."""

import os
import subprocess
import sys
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
def begin():
    """Starts a Python program that Ctrl-C ends, also where the tests were started in a shell's background, which ignores it."""

    def start(program, *arguments):
        heed = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        return subprocess.Popen([sys.executable, "-c", heed + program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


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
