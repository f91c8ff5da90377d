"""Two nodes on one machine, an object store on the loopback, and a worker that is killed: the reports are one machine's."""

import os
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec

import kvlens
import pytest

MISSING = [name for name in ("ray", "moto", "flask", "s3fs", "boto3") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

SETTINGS = {"bits_list": [8], "lossless_first_n": 1}


@pytest.fixture(scope="module")
def store():
    import boto3
    import moto.server

    server = moto.server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    address = {"endpoint_url": f"http://127.0.0.1:{port}", "region_name": "us-east-1"}
    boto3.client("s3", **address, **keys).create_bucket(Bucket="bucket")
    yield {"key": "x", "secret": "x", "client_kwargs": address}
    server.stop()


@pytest.fixture(scope="module")
def cluster():
    import ray
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 100 << 20}
    nodes = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    nodes.add_node(**node)
    ray.init(address=nodes.address, log_to_driver=False)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


def measuring():
    """Workers that measure something."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout
    return {int(line.split()[0]) for line in listed.splitlines() if "ray::_measure" in line}


def kill_a_worker(others, killed):
    """The first one of ours; those of other clusters on this machine are left alone."""
    deadline = time.monotonic() + 120
    while not killed and time.monotonic() < deadline:
        for pid in sorted(measuring() - others)[:1]:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        time.sleep(0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no ps")
def test_a_killed_worker_changes_no_report(sample, store, cluster):
    import kvlens.ray
    import s3fs

    s3fs.S3FileSystem(**store).put(str(sample), "bucket/dumps", recursive=True)
    expected = dict(kvlens.analyze(sample, "sweep", **SETTINGS).files)
    killed, told = [], []
    killer = threading.Thread(target=kill_a_worker, args=(measuring(), killed), daemon=True)
    killer.start()
    result = kvlens.ray.analyze(
        "s3://bucket/dumps/",
        "sweep",
        storage_options=store,
        task_bytes=300_000,
        progress=lambda *progress: told.append(progress),
        **SETTINGS,
    )
    assert killed
    assert dict(result.files) == expected
    assert told[-1][0] == told[-1][1] and told[-1][2] == told[-1][3]


def test_a_broken_file_is_a_problem_and_settings_are_checked_first(edge, cluster):
    import kvlens.ray

    url = f"file://{edge}"
    whole = kvlens.analyze(edge, "blocknorm")
    result = kvlens.ray.analyze(url, "blocknorm", task_bytes=1)
    assert dict(result.files) == dict(whole.files)
    assert result.problems == whole.problems
    assert result.caveats == whole.caveats
    with pytest.raises(ValueError, match="bits: "):
        kvlens.ray.analyze(url, "blocknorm", bits=99)
    with pytest.raises(ValueError, match="explore can't be split into parts"):
        kvlens.ray.analyze(url, "explore")
    with pytest.raises(FileNotFoundError):
        kvlens.ray.analyze(f"file://{edge}/not-there")
