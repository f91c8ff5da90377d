"""A dump in an object store, analysed on a Ray cluster.

The driver scans the dump and cuts its captures into tasks of a few hundred megabytes. Each task reads the ranges that it needs, where it
runs, and gives back rows; the driver folds them in order, as one machine does, so the reports are the same bytes. Ray places the tasks
and repeats those whose worker died.

>>> import kvlens.ray  # doctest: +SKIP
>>> result = kvlens.ray.analyze("s3://bucket/dumps/", "sweep", bits_list=[8, 10])  # doctest: +SKIP
>>> result.save("reports")  # doctest: +SKIP
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional, Union

import ray

from . import _kvlens
from ._api import settings_of
from ._progress import Progress, telling
from ._result import Result
from ._store import Files, Store, descriptions

_Reading = tuple[Optional[str], Optional[str], Optional[int], Optional[str]]

#: Tasks under way for each that can run: results wait for those before them, and only so many.
_AHEAD = 3


@dataclass(frozen=True)
class _Job:
    """What all tasks have in common."""

    store: Store
    reading: _Reading
    analysis: str
    settings: list[tuple[str, str]]
    verify: bool
    threads: int


@dataclass(frozen=True)
class _Task:
    """Captures that are measured together: neighbours in the dump."""

    paths: list[str]
    #: Their places in the dump.
    numbers: list[int]
    #: The files that they are in and that describe them.
    files: Files
    #: Of what they are.
    digest: str
    bytes: int


def analyze(
    url: str,
    analysis: str = "mixed",
    *,
    storage_options: Optional[dict[str, Any]] = None,
    task_bytes: int = 256 << 20,
    threads: int = 1,
    max_retries: int = 5,
    out_dir: str = "kvlens-reports",
    verify: bool = False,
    progress: Union[Progress, bool, None] = None,
    tensor_names: Optional[str] = None,
    axes: Optional[str] = None,
    kv_heads: Optional[int] = None,
    bits16: Optional[str] = None,
    **settings: Any,
) -> Result:
    """Analyzes the dump at an address that fsspec reads, on the cluster that ``ray.init`` connected to.

    Args:
        url: A folder or file: ``s3://bucket/dumps/``, ``gs://``, ``file:///shared/dumps``.
        analysis: As for :func:`kvlens.analyze`; not ``explore``, whose unit is a run's layer.
        storage_options: What fsspec needs to open it: keys, an endpoint.
        task_bytes: Bytes of K and V of a task, about. A worker holds two of its largest captures, not the task.
        threads: Threads, and so CPUs of Ray's, of a task.
        max_retries: How often a task is repeated whose worker died.
        progress: As for :func:`kvlens.analyze`.

    Other arguments are those of :func:`kvlens.analyze`. The result has no rows: they are folded as they come.

    Raises:
        ValueError: For settings that can't be used, and where nothing is left to analyze.
        FileNotFoundError: Where nothing is at the address.
    """
    if analysis == "explore":
        raise ValueError("explore can't be split into parts: its unit is a run's layer; use kvlens.analyze")
    job = _Job(
        store=Store(url, storage_options),
        reading=(tensor_names, axes, kv_heads, bits16),
        analysis=analysis,
        settings=settings_of(settings),
        verify=verify,
        threads=threads,
    )
    files = job.store.files()
    reader = job.store.reader(files)
    reader.fetch(descriptions(files))
    dump = _kvlens.Dump.of(files, reader.read, job.reading)
    reader.forget()
    problems = json.loads(dump.summary())["problems"]
    tasks = _tasks(job, dump, files, task_bytes)
    if not ray.is_initialized():
        ray.init()
    merger = _kvlens.Merger(out_dir)
    with telling(progress, analysis) as tell:
        for rows in _measured(job, tasks, files, max_retries, tell):
            merger.push(rows)
    return Result(merger.finish(), out_dir, problems)


def _tasks(job: _Job, dump: _kvlens.Dump, files: Files, task_bytes: int) -> list[_Task]:
    """The captures that are to be measured, in tasks."""
    captures = dump.captures()
    sizes = dict(files)
    tasks: list[_Task] = []
    some: list[int] = []
    waiting = 0

    def cut() -> None:
        nonlocal waiting
        paths = [captures[number][0] for number in some]
        needed = {path for number in some for path in captures[number][2]}
        needed.update(path for path in paths if path in sizes)
        listed = [(path, sizes[path]) for path in sorted(needed)]
        digest = dump.select(set(paths)).digest()
        tasks.append(_Task(paths, list(some), listed, digest, waiting))
        some.clear()
        waiting = 0

    for number in _kvlens.plan(dump, job.analysis, job.settings):
        if some and waiting + captures[number][1] > task_bytes:
            cut()
        some.append(number)
        waiting += captures[number][1]
    if some:
        cut()
    return tasks


def _measured(
    job: _Job, tasks: list[_Task], files: Files, max_retries: int, tell: Optional[Progress]
) -> Iterator[bytes]:
    """The rows of each task, in their order."""
    measure = ray.remote(num_cpus=job.threads, max_retries=max_retries)(_measure)
    shared, listing = ray.put(job), ray.put(files)
    slots = max(1, int(ray.cluster_resources().get("CPU", 1)) // job.threads)
    under_way: dict[Any, int] = {}
    done: dict[int, bytes] = {}
    begun = folded = 0
    captures = measured = 0
    all_captures = sum(len(task.paths) for task in tasks)
    all_bytes = sum(task.bytes for task in tasks)
    try:
        while folded < len(tasks):
            while begun < len(tasks) and begun - folded < slots * _AHEAD:
                under_way[measure.remote(shared, tasks[begun], listing)] = begun
                begun += 1
            ready, _ = ray.wait(list(under_way), num_returns=1, timeout=1.0)
            for reference in ready:
                place = under_way.pop(reference)
                done[place] = ray.get(reference)
                captures += len(tasks[place].paths)
                measured += tasks[place].bytes
            if tell is not None:
                tell(captures, all_captures, measured, all_bytes)
            while folded in done:
                yield done.pop(folded)
                folded += 1
    finally:
        for reference in under_way:
            ray.cancel(reference)


def _measure(job: _Job, task: _Task, files: Files) -> bytes:
    """Runs on a worker: the rows of a task's captures, as a rows file."""
    dump = _selected(job, task, task.files)
    if dump is None:
        # Some files are understood only beside others.
        dump = _selected(job, task, files)
    if dump is None:
        raise RuntimeError(f"the dump changed while it was analysed: captures from {task.paths[0]} on are not what they were")
    how = (job.verify, job.threads, "", False)
    _, rows = _kvlens.run(dump, job.analysis, job.settings, how, None, task.numbers)
    assert rows is not None
    return rows


def _selected(job: _Job, task: _Task, files: Files) -> Optional[_kvlens.Dump]:
    """The task's captures, found in these files; nothing where they are not what the driver found."""
    reader = job.store.reader(files)
    reader.fetch(descriptions(files))
    dump = _kvlens.Dump.of(files, reader.read, job.reading).select(set(task.paths))
    reader.forget()
    return dump if dump.digest() == task.digest else None
