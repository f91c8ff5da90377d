"""Analyzes a dump in an object store on a Ray cluster.

The driver scans the dump and groups its captures into tasks of a few hundred megabytes. A task reads the ranges that it needs on the
machine where it runs, and returns rows. The driver folds rows in dump order, as on a single machine, so the reports have the same bytes.
Ray schedules the tasks and repeats those whose worker died.

>>> import kvlens.ray  # doctest: +SKIP
>>> result = kvlens.ray.analyze("s3://bucket/dumps/", "sweep", bits_list=[8, 10])  # doctest: +SKIP
>>> result.save("reports")  # doctest: +SKIP
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional, Union

import ray

from . import _kvlens
from ._api import _must_have_captures, settings_of
from ._progress import Progress, telling
from ._result import Result
from ._store import Files, Store, descriptions

_Reading = tuple[Optional[str], Optional[str], Optional[int], Optional[str]]

#: Submitted tasks for each one that can run at a time; it bounds the results that wait for earlier ones.
_AHEAD = 3


@dataclass(frozen=True)
class _Job:
    """Parameters that all tasks share."""

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
    #: Indices of the captures in the dump.
    numbers: list[int]
    #: Files that contain or describe the captures.
    files: Files
    #: Digest of the captures, to notice a dump that changed.
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
    out_dir: Union[str, os.PathLike[str]] = "kvlens-reports",
    verify: bool = False,
    progress: Union[Progress, bool, None] = None,
    tensor_names: Optional[str] = None,
    axes: Optional[str] = None,
    kv_heads: Optional[int] = None,
    bits16: Optional[str] = None,
    **settings: Any,
) -> Result:
    """Analyzes the dump at a URL that fsspec can read, on the cluster that ``ray.init`` connected to.

    Args:
        url: URL of a folder or file: ``s3://bucket/dumps/``, ``gs://``, ``file:///shared/dumps``.
        analysis: As for :func:`kvlens.analyze`; not ``explore``, which measures all captures of a layer together.
        storage_options: fsspec's options for the URL: keys, an endpoint.
        task_bytes: Approximate bytes of K and V in a task. A worker holds two of its largest captures at a time, not the whole task.
        threads: Threads of a task, which are also the CPUs that it requests from Ray.
        max_retries: How often a task is repeated when its worker dies.
        progress: As for :func:`kvlens.analyze`.

    Other arguments are those of :func:`kvlens.analyze`. The result has no rows: they are folded as they come.

    Raises:
        ValueError: When settings are not valid, or nothing is left to analyze.
        FileNotFoundError: When the URL has no files.
    """
    given = settings_of(settings)
    # Before the store is read.
    _kvlens.check_parts(analysis, given)
    job = _Job(
        store=Store(url, storage_options),
        reading=(tensor_names, axes, kv_heads, bits16),
        analysis=analysis,
        settings=given,
        verify=verify,
        threads=threads,
    )
    files = job.store.files()
    reader = job.store.reader(files)
    reader.fetch(descriptions(files))
    dump = _kvlens.Dump.of(files, reader.read, job.reading)
    reader.forget()
    _must_have_captures(dump)
    problems = json.loads(dump.summary())["problems"]
    tasks = _tasks(job, dump, files, task_bytes)
    if not ray.is_initialized():
        ray.init()
    folder = os.fspath(out_dir)
    merger = _kvlens.Merger(folder)
    with telling(progress, analysis) as tell:
        for rows in _measured(job, tasks, files, max_retries, tell):
            merger.push(rows)
    return Result(merger.finish(), folder, problems)


def _tasks(job: _Job, dump: _kvlens.Dump, files: Files, task_bytes: int) -> list[_Task]:
    """Groups the captures to be measured into tasks."""
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
    """Rows of each task, in the order of the tasks."""
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
    """Runs on a worker; returns the rows of a task's captures as a rows file."""
    dump = _selected(job, task, task.files)
    if dump is None:
        # Some files can be understood only in the presence of others.
        dump = _selected(job, task, files)
    if dump is None:
        raise RuntimeError(f"the dump changed while it was analysed: captures from {task.paths[0]} on are not what they were")
    how = (job.verify, job.threads, "", False)
    _, rows = _kvlens.run(dump, job.analysis, job.settings, how, None, task.numbers)
    assert rows is not None
    return rows


def _selected(job: _Job, task: _Task, files: Files) -> Optional[_kvlens.Dump]:
    """The task's captures, found in these files; ``None`` when they differ from what the driver found."""
    reader = job.store.reader(files)
    reader.fetch(descriptions(files))
    dump = _kvlens.Dump.of(files, reader.read, job.reading).select(set(task.paths))
    reader.forget()
    return dump if dump.digest() == task.digest else None
