"""Times `kvlens.ray` on one machine: one node of one core, two of them, and two with a worker killed in the middle; and one machine without Ray.

    python bench/cluster.py DUMP [--copies 40] [--analysis sweep] [--task-mb 128]

DUMP, a folder, lies `--copies` times behind moto's S3 server on the loopback. Every way must give the same reports, byte for byte.
Needs `pip install "./python[ray]" s3fs "moto[server]" boto3`.
"""

import argparse
import os
import resource
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import kvlens
import kvlens.ray
import ray
import s3fs
from ray.cluster_utils import Cluster

KEYS = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}


def main() -> None:
    """Prints a line for each way."""
    args = arguments()
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
        dumps = copies(Path(args.dump), Path(scratch) / "dumps", args.copies)
        size = sum(file.stat().st_size for file in dumps.rglob("*") if file.is_file())
        print(f"{size / 1e6:,.0f} MB in {sum(1 for _ in dumps.rglob('*')):,} files", flush=True)
        server, options = store(dumps)
        try:
            expected = timed("without Ray, 1 thread, from disk", lambda: kvlens.analyze(dumps, args.analysis, threads=1))
            for nodes, kill in ((1, False), (2, False), (2, True)):
                what = f"{nodes} node{'s' if nodes > 1 else ''} of one core{', a worker killed' if kill else ''}"
                found = on_cluster(what, nodes, kill, args, options)
                assert found == expected, "the reports differ"
            print("all reports are equal, byte for byte")
        finally:
            server.kill()


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("--copies", type=int, default=40)
    parser.add_argument("--analysis", default="sweep")
    parser.add_argument("--task-mb", type=int, default=128)
    parser.add_argument("--scratch", help="a folder for the copies")
    return parser.parse_args()


def copies(dump: Path, into: Path, count: int) -> Path:
    """The dump so many times, each a folder; hard links."""
    for copy in range(count):
        for file in dump.rglob("*"):
            if file.is_file():
                place = into / f"run-{copy:03}" / file.relative_to(dump)
                place.parent.mkdir(parents=True, exist_ok=True)
                os.link(file, place)
    return into


def store(dumps: Path) -> tuple[subprocess.Popen, dict]:
    """moto's server in a process of its own, with the dumps in it."""
    server = subprocess.Popen(["moto_server", "-H", "127.0.0.1", "-p", "0"], stderr=subprocess.PIPE, text=True)
    lines = iter(server.stderr)
    address = next(line.split()[-1] for line in lines if "Running on http" in line)
    threading.Thread(target=lambda: [None for _ in lines], daemon=True).start()
    place = {"endpoint_url": address, "region_name": "us-east-1"}
    boto3.client("s3", **place, **KEYS).create_bucket(Bucket="bucket")
    options = {"key": "x", "secret": "x", "client_kwargs": place}
    s3fs.S3FileSystem(**options).put(f"{dumps}/", "bucket/dumps/", recursive=True)
    return server, options


def on_cluster(what: str, nodes: int, kill: bool, args: argparse.Namespace, options: dict) -> dict[str, bytes]:
    """The reports of a cluster made for it."""
    node = {"num_cpus": 1, "object_store_memory": 200 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        for _ in range(nodes - 1):
            cluster.add_node(**node)
        ray.init(address=cluster.address, log_to_driver=False)
        # Workers start and import what they need before the clock runs: s3fs alone takes seconds.
        ray.get([ray.remote(num_cpus=1)(warm).remote(options) for _ in range(2 * nodes)])
        watch = Watch(kill)
        found = timed(
            what,
            lambda: kvlens.ray.analyze(
                "s3://bucket/dumps", args.analysis, storage_options=options, task_bytes=args.task_mb << 20, progress=watch.progress
            ),
        )
        print(f"  largest worker {watch.largest / 1e6:,.0f} MB, driver {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:,.0f} MB at most")
        assert watch.killed == kill
        return found
    finally:
        ray.shutdown()
        cluster.shutdown()


def warm(options: dict) -> int:
    """On a worker: the libraries are imported and the store has answered."""
    return len(s3fs.S3FileSystem(**options).ls("bucket/dumps")) + len(kvlens.analyses())


class Watch:
    """Looks at the workers at each step of the progress; kills one once, in the middle."""

    def __init__(self, kill: bool) -> None:
        self.kill = kill
        self.killed = False
        self.largest = 0

    def progress(self, done: int, captures: int, *_: int) -> None:
        """Called about once a second."""
        workers = measuring()
        self.largest = max([self.largest, *workers.values()])
        if self.kill and not self.killed and workers and done * 3 >= captures:
            os.kill(min(workers), signal.SIGKILL)
            self.killed = True


def measuring() -> dict[int, int]:
    """Workers that measure something, with the bytes that each holds."""
    listed = subprocess.run(["ps", "-eo", "pid,rss,args"], capture_output=True, text=True, check=True).stdout
    rows = (line.split() for line in listed.splitlines() if "ray::_measure" in line)
    return {int(row[0]): int(row[1]) * 1024 for row in rows}


def timed(what: str, run: Callable[[], kvlens.Result]) -> dict[str, bytes]:
    """Prints the seconds that it takes; its reports."""
    began = time.monotonic()
    found = dict(run().files)
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)
    return found


if __name__ == "__main__":
    main()
