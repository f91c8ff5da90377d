"""A run lets Python go on: progress, Ctrl-C, other threads."""

import os
import signal
import sys
import threading
import time

import kvlens
import pytest

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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own(edge):
    kvlens.analyze(edge)
    child = os.fork()
    if child == 0:
        kvlens.analyze(edge)
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
