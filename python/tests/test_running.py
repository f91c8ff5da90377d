"""A run lets Python go on: progress, Ctrl-C, other threads."""

import os
import signal
import sys
import threading
import time

import kvlens
import numpy
import pytest
from kvlens._virtual import SafetensorsView

SLOW = {"bits_list": list(range(2, 17)), "block_sizes": [4, 8, 16, 32, 64], "zstd_level": 19}


def test_progress_is_told_to_the_end(edge):
    told = []
    kvlens.analyze(edge, progress=lambda *progress: told.append(progress))
    assert told[-1][0] == told[-1][1] == 23
    assert told[-1][2] == told[-1][3] > 0


def test_tqdm_shows_a_bar(edge, capsys):
    pytest.importorskip("tqdm")
    kvlens.analyze(edge, progress=True)
    assert "23/23 captures" in capsys.readouterr().err


def test_what_a_progress_function_raises_ends_the_run(sample):
    def stop(*_):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        kvlens.analyze(sample, "sweep", progress=stop, **SLOW)


def test_the_interpreter_goes_on_meanwhile(sample):
    counted, done = [0], threading.Event()

    def count():
        while not done.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    kvlens.analyze(sample, "lossy-compare", threads=1)
    done.set()
    thread.join()
    assert counted[0] > 10


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill")
def test_ctrl_c_ends_a_run(sample, begin):
    program = f"import kvlens\nprint('begun', flush=True)\nkvlens.analyze({str(sample)!r}, 'sweep', **{SLOW!r})"
    child = begin(program)
    child.stdout.readline()
    time.sleep(0.5)
    begun = time.monotonic()
    os.kill(child.pid, signal.SIGINT)
    _, told = child.communicate(timeout=60)
    assert "KeyboardInterrupt" in told
    assert time.monotonic() - begun < 30


def values(layers=3):
    return [tuple(numpy.random.default_rng(layer).standard_normal((2, 1, 2, 64, 32)).astype("float16")) for layer in range(layers)]


WORK = {
    "analyze": lambda cache, folder: kvlens.analyze(cache),
    "scan": lambda cache, folder: kvlens.scan(cache, values=True),
    "save": lambda cache, folder: kvlens.save(cache, folder / "cache.zip"),
    "pack": lambda cache, folder: kvlens.pack(cache, folder / "cache.kvz", "q8_0"),
}


@pytest.mark.parametrize("work", WORK)
def test_ctrl_c_while_an_array_is_read_is_no_unreadable_capture(work, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(SafetensorsView, "_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        WORK[work](values(), tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(SafetensorsView, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kvlens.scan(values())


SLOWLY = """
import kvlens, numpy, sys, time
from kvlens._virtual import SafetensorsView
load = SafetensorsView._bytes
SafetensorsView._bytes = lambda *each: (time.sleep(0.1), load(*each))[1]
values = numpy.ones((1, 2, 64, 32), "float16")
print("begun", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill")
@pytest.mark.parametrize("work", ["scan(cache, values=True)", "save(cache, sys.argv[1])", "analyze(cache)"])
def test_ctrl_c_ends_work_on_a_cache_in_memory(work, tmp_path, begin):
    child = begin(f"{SLOWLY}\ncache = [(values, values)] * 300\nkvlens.{work}", str(tmp_path / "cache.zip"))
    child.stdout.readline()
    time.sleep(0.5)
    begun = time.monotonic()
    os.kill(child.pid, signal.SIGINT)
    _, told = child.communicate(timeout=120)
    assert "KeyboardInterrupt" in told and "OSError" not in told
    assert time.monotonic() - begun < 20
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("work", WORK)
def test_a_forked_child_has_threads_of_its_own(work, tmp_path):
    for name in ("parent", "child"):
        (tmp_path / name).mkdir()
    WORK[work](values(), tmp_path / "parent")
    child = os.fork()
    if child == 0:
        WORK[work](values(), tmp_path / "child")
        os._exit(0)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert status == 0
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("it hangs")
