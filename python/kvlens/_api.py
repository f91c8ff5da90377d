"""What users call."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

from . import _kvlens
from ._caches import named
from ._progress import Progress, telling
from ._result import Result
from ._arrays import array
from ._virtual import SafetensorsView

_PathLike = (str, os.PathLike)


def _text(value: Any) -> str:
    """A setting's value as the command line takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return ",".join(_text(item) for item in value)
    # numpy's numbers too: their repr has a type around it.
    return repr(value.item()) if hasattr(value, "item") else repr(value)


def settings_of(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings by their flags; ``as`` is a word of Python's, so it is ``as_``."""
    return [(name.rstrip("_").replace("_", "-"), _text(value)) for name, value in settings.items()]


def open_dump(
    source: Any,
    name: str,
    tensor_names: Optional[str],
    axes: Optional[str],
    kv_heads: Optional[int],
    bits16: Optional[str],
    queries: Optional[Mapping[int, Mapping[str, Any]]] = None,
) -> _kvlens.Dump:
    """The dump that a path, paths or a cache stands for."""
    reading = (tensor_names, axes, kv_heads, bits16)
    if isinstance(source, _PathLike):
        return _kvlens.Dump.open([source], reading)
    is_paths = isinstance(source, Sequence) and len(source) > 0 and all(isinstance(each, _PathLike) for each in source)
    if is_paths:
        return _kvlens.Dump.open(list(source), reading)
    arrays, known = named(source)
    metadata: dict[str, str] = {}
    for layer, each in (queries or {}).items():
        q = array(f"layers.{layer}.q", each["q"])
        arrays.append(q)
        for field, value in each.items():
            if field != "q":
                value = value.tolist() if hasattr(value, "tolist") else value
                value = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else value
                metadata[f"{q.name}.{field}"] = json.dumps(value)
    view = SafetensorsView(arrays, metadata)
    reading = (tensor_names, axes or known, kv_heads, bits16)
    return _kvlens.Dump.of([(f"{name}.safetensors", view.size)], view.read, reading)


def _must_have_captures(dump: _kvlens.Dump) -> None:
    if len(dump) == 0:
        problems = json.loads(dump.summary())["problems"]
        told = "".join(f"\n{each['file']}: {each['message']}" for each in problems[:10])
        raise ValueError(f"no capture (meta_*.json, or tensors that can be told to be K and V){told}")


def analyze(
    cache: Any,
    analysis: str = "mixed",
    *,
    out_dir: str = "kvlens-reports",
    verify: bool = False,
    threads: Optional[int] = None,
    progress: Union[Progress, bool, None] = None,
    keep_rows: bool = True,
    name: str = "cache",
    tensor_names: Optional[str] = None,
    axes: Optional[str] = None,
    kv_heads: Optional[int] = None,
    bits16: Optional[str] = None,
    **settings: Any,
) -> Result:
    """Analyzes a dump on disk, or a cache in memory.

    Args:
        cache: A path (a folder, an archive, a file of tensors) or several; a transformers cache; a sequence of (K, V) by layer; or a
            mapping of names (``layers.0.k``) to arrays of numpy, torch, mlx, JAX or anything with DLPack or the buffer protocol.
        analysis: One of :func:`analyses`: ``mixed``, ``blocknorm``, ``sweep``, ``lossy-compare``, ``explore``.
        out_dir: The folder that reports name, where they name one; nothing is written before :meth:`Result.save`.
        verify: Decode every compressed stream again, by another decoder, and compare it bit for bit.
        threads: Threads to compute with; by default as many as there are cores.
        progress: ``True`` for a bar of tqdm, or a function that is given captures done, all captures, bytes done, all bytes.
        keep_rows: Keep the rows for :attr:`Result.rows`; they take about a kilobyte for each capture and variant.
        name: What a cache in memory is called in the reports: the name of its run.
        tensor_names: Which tensors are K and V of which layer, as in ``layers.{layer}.{kv}``.
        axes: The order of their axes, of kv, layer, batch, heads, seq, dim.
        kv_heads: KV heads that lie in the last axis together.
        bits16: What 16-bit integers stand for: ``fp16`` or ``bf16``.
        **settings: The analysis's settings, by the command line's names with underscores; ``as`` is ``as_``.

    Raises:
        ValueError: For settings that are unknown or out of range (all are named), and where nothing is left to analyze.
        OSError: Where the path can't be read.

    >>> import numpy
    >>> values = numpy.random.default_rng(0).standard_normal((1, 2, 64, 8)).astype(numpy.float16)
    >>> result = analyze([(values, values[..., ::-1])] * 3, lossless_first_n=1, lossy_mantissa_bits=4)
    >>> result.summary["captures"]
    3
    >>> sorted(result.files)
    ['lossy_error_metrics.csv', 'mixed_layer_metrics.csv', 'mixed_summary.md']
    """
    dump = open_dump(cache, name, tensor_names, axes, kv_heads, bits16)
    _must_have_captures(dump)
    how = (verify, threads, out_dir, keep_rows)
    with telling(progress, analysis) as tell:
        report, _ = _kvlens.run(dump, analysis, settings_of(settings), how, tell, None)
    return Result(report, out_dir, json.loads(dump.summary())["problems"])


def scan(
    cache: Any,
    *,
    values: bool = False,
    name: str = "cache",
    tensor_names: Optional[str] = None,
    axes: Optional[str] = None,
    kv_heads: Optional[int] = None,
    bits16: Optional[str] = None,
) -> dict[str, Any]:
    """What a dump or cache holds: runs, layers, stages, shapes, bytes, how tensors were understood, and problems.

    Args:
        cache: As for :func:`analyze`.
        values: Read all values too, and say under ``caveats`` what in them would make a ratio mislead.

    >>> import numpy
    >>> listed = scan({"layers.0.k": numpy.zeros((5, 2, 8), "float32"), "layers.0.v": numpy.zeros((5, 2, 8), "float32")}, axes="seq,heads,dim")
    >>> listed["captures"], listed["shapes"][0]["seqLen"]
    (1, 5)
    """
    dump = open_dump(cache, name, tensor_names, axes, kv_heads, bits16)
    listed: dict[str, Any] = json.loads(dump.summary())
    if values:
        caveats, unread = dump.look()
        listed["caveats"] = json.loads(caveats)
        listed["problems"] += json.loads(unread)
    return listed


def convert(
    cache: Any,
    path: Union[str, os.PathLike[str]],
    *,
    format: Optional[str] = None,
    stage: Optional[str] = None,
    layers: Optional[str] = None,
    tokens: Optional[str] = None,
    dtype: Optional[str] = None,
    name: str = "cache",
    tensor_names: Optional[str] = None,
    axes: Optional[str] = None,
    kv_heads: Optional[int] = None,
    bits16: Optional[str] = None,
) -> Path:
    """Writes a dump or cache, or a sample of it, as a folder of captures, a zip or a safetensors file; values stay as they are.

    Args:
        cache: As for :func:`analyze`.
        path: The folder or file to write; it must not exist yet.
        format: ``folder``, ``zip`` or ``safetensors``; by default as the path ends, a folder where it ends in none of these.
        stage: Captures of this stage only.
        layers: These layers only, as in ``0-3,7``.
        tokens: These tokens only, as in ``0..128``, ``..128`` or ``128..``.
        dtype: Round fp32 values to ``fp16`` or ``bf16``.

    Raises:
        FileExistsError: Where there is something at ``path``.
        ValueError: Where an option can't be used, or no capture is left.
    """
    dump = open_dump(cache, name, tensor_names, axes, kv_heads, bits16)
    return _written(dump, cache, path, format=format, stage=stage, layers=layers, tokens=tokens, dtype=dtype)


def save(
    cache: Any,
    path: Union[str, os.PathLike[str]],
    *,
    queries: Optional[Mapping[int, Mapping[str, Any]]] = None,
    name: str = "cache",
    tensor_names: Optional[str] = None,
    axes: Optional[str] = None,
    kv_heads: Optional[int] = None,
    bits16: Optional[str] = None,
) -> Path:
    """Saves a cache as a dump that kvlens reads: on the page, on the command line and here, with the same reports.

    Args:
        cache: As for :func:`analyze`.
        path: The folder, ``.zip`` or ``.safetensors`` file to write; it must not exist yet.
        queries: For ``explore``: of each layer ``{"q": [positions, heads, head_dim], "positions": [...], "scale": x}`` and what else is
            known of its attention (``rope_theta``, ``sliding_window``, ``logit_softcap``).

    >>> import numpy, tempfile, os
    >>> values = numpy.zeros((1, 2, 16, 8), "float16")
    >>> path = save([(values, values)], os.path.join(tempfile.mkdtemp(), "cache.safetensors"))
    >>> scan(path)["captures"]
    1
    """
    dump = open_dump(cache, name, tensor_names, axes, kv_heads, bits16, queries)
    return _written(dump, cache, path)


def _new_path(path: Union[str, os.PathLike[str]], source: Any) -> Path:
    """The path to write, where nothing is yet; a dump within the dump would be found twice over by the next scan."""
    target = Path(path)
    if target.exists():
        raise FileExistsError(f"{target} is there already")
    sources = [source] if isinstance(source, _PathLike) else source if isinstance(source, Sequence) else []
    for each in sources:
        if isinstance(each, _PathLike) and Path(each).is_dir() and Path(each).resolve() in target.resolve().parents:
            raise ValueError(
                f"the output {target} lies in the dump that is read ({os.fspath(each)}): the next scan would find its captures twice; "
                "name a place outside"
            )
    return target


def _written(dump: _kvlens.Dump, source: Any, path: Union[str, os.PathLike[str]], **options: Optional[str]) -> Path:
    _must_have_captures(dump)
    target = _new_path(path, source)
    ending = target.suffix[1:]
    options["format"] = options.get("format") or (ending if ending in ("zip", "safetensors") else "folder")
    given = {name: value for name, value in options.items() if value is not None}
    # A name that no scan takes for a dump, until it is whole.
    unfinished = target.with_name(f".kvlens-write-{os.getpid()}-{target.name}.tmp")
    try:
        _kvlens.convert(dump, unfinished, json.dumps(given))
        unfinished.rename(target)
    finally:
        _remove(unfinished)
    return target


def _remove(path: Path) -> None:
    import shutil

    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def analyses() -> dict[str, dict[str, Any]]:
    """The analyses, by name: what each answers, and its settings with their meaning, type, range and default.

    >>> analyses()["mixed"]["settings"]["lossy_mantissa_bits"]["default"]
    6
    """
    listed = {}
    for spec in json.loads(_kvlens.specs()):
        settings = {}
        for param in spec["params"]:
            flag = param["flag"].replace("-", "_")
            name = "as_" if flag == "as" else flag
            settings[name] = {key: param[key] for key in ("help", "unit", "kind", "default")}
        listed[spec["name"]] = {"help": spec["help"], "settings": settings}
    return listed
