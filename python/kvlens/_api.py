"""The public functions."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

from . import _kvlens, _queries
from ._caches import named
from ._progress import Progress, telling
from ._result import Result
from ._virtual import SafetensorsView

_PathLike = (str, os.PathLike)


def _text(value: Any) -> str:
    """A setting's value as text, in the command line's form."""
    # Scalars of numpy and other libraries: their repr includes the type, and a single number may be iterable by its class.
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return ",".join(_text(item) for item in value)
    return repr(value)


def settings_of(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings as pairs of flag and text; ``as`` is a keyword in Python and is written ``as_``."""
    return [(name.rstrip("_").replace("_", "-"), _text(value)) for name, value in settings.items()]


def open_dump(
    source: Any,
    name: str,
    tensor_names: Optional[str],
    axes: Optional[str],
    kv_heads: Optional[int],
    bits16: Optional[str],
    queries: Optional[_queries.Queries] = None,
) -> _kvlens.Dump:
    """Opens a path, several paths, or a cache in memory as a dump.

    Raises:
        ValueError: When queries can't be used; they go with a cache in memory.
    """
    reading = (tensor_names, axes, kv_heads, bits16)
    is_paths = isinstance(source, Sequence) and len(source) > 0 and all(isinstance(each, _PathLike) for each in source)
    if isinstance(source, _PathLike) or is_paths:
        if queries:
            raise ValueError("queries can be given with a cache in memory only: a dump on disk has files of them")
        return _kvlens.Dump.open([source] if isinstance(source, _PathLike) else list(source), reading)
    arrays, known = named(source)
    of_queries, metadata = _queries.named(queries or {})
    view = SafetensorsView([*arrays, *of_queries], metadata)
    reading = (tensor_names, axes or known, kv_heads, bits16)
    dump = _kvlens.Dump.of([(f"{name}.safetensors", view.size)], view.read, reading)
    if queries:
        _queries.check(queries, json.loads(dump.summary()))
    return dump


def _must_have_captures(dump: _kvlens.Dump) -> None:
    if len(dump) == 0:
        problems = json.loads(dump.summary())["problems"]
        told = "".join(f"\n{each['file']}: {each['message']}" for each in problems[:10])
        raise ValueError(f"no capture (meta_*.json, or tensors that are recognised as K and V){told}")


def analyze(
    cache: Any,
    analysis: str = "mixed",
    *,
    out_dir: Union[str, os.PathLike[str]] = "kvlens-reports",
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
        out_dir: The default folder of :meth:`Result.save`, which some reports mention; nothing is written before that.
        verify: Decode every compressed stream again with an independent decoder and compare it bit for bit.
        threads: Number of threads, 1 to 1024; by default one for each core.
        progress: ``True`` for a tqdm bar, or a function that is called with captures done, all captures, bytes done and all bytes.
        keep_rows: Keep the rows for :attr:`Result.rows`; each (one for every capture and variant) takes about a kilobyte.
        name: Name of the run that reports give a cache in memory.
        tensor_names: Pattern that finds the layer of a tensor, and whether it is K or V, in its name, as in ``layers.{layer}.{kv}``.
        axes: The order of the tensors' axes, from kv, layer, batch, heads, seq and dim.
        kv_heads: Number of KV heads that share the last axis, where heads have no axis of their own.
        bits16: Type that 16-bit integers are the bits of: ``fp16`` or ``bf16``.
        **settings: Settings of the analysis, named as on the command line but with underscores; ``as`` is ``as_``.

    Raises:
        ValueError: When settings are unknown or out of range (all are listed), or nothing is left to analyze.
        OSError: When the path can't be read.

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
    folder = os.fspath(out_dir)
    how = (verify, threads, folder, keep_rows)
    with telling(progress, analysis) as tell:
        report, _ = _kvlens.run(dump, analysis, settings_of(settings), how, tell, None)
    return Result(report, folder, json.loads(dump.summary())["problems"])


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
    """Lists the contents of a dump or cache: runs, layers, stages, shapes, bytes, how tensors were understood, and problems.

    Args:
        cache: As for :func:`analyze`.
        values: Read all values too, and list under ``caveats`` what in them would make a ratio misleading.

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
    layers: Union[str, int, Iterable[int], None] = None,
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
        format: ``folder``, ``zip`` or ``safetensors``; by default according to the ending of ``path``, or else ``folder``.
        stage: Only captures of this stage, ``prefill`` or ``decode``.
        layers: Only these layers: ``"0-3,7"``, a number or several.
        tokens: Only these tokens, without the end, as in ``0..128``, ``..128`` or ``128..``.
        dtype: Round fp32 values to this type: ``fp16`` or ``bf16``.

    Raises:
        FileExistsError: When ``path`` exists already.
        ValueError: When options are not valid (all are listed), or no capture is left.
    """
    dump = open_dump(cache, name, tensor_names, axes, kv_heads, bits16)
    return _written(dump, cache, path, format=format, stage=stage, layers=layers, tokens=tokens, dtype=dtype)


def save(
    cache: Any,
    path: Union[str, os.PathLike[str]],
    *,
    queries: Optional[_queries.Queries] = None,
    name: str = "cache",
    tensor_names: Optional[str] = None,
    axes: Optional[str] = None,
    kv_heads: Optional[int] = None,
    bits16: Optional[str] = None,
) -> Path:
    """Saves a cache as a dump that the page, the command line and this package read, with the same reports.

    Args:
        cache: As for :func:`analyze`.
        path: The folder, ``.zip`` or ``.safetensors`` file to write; it must not exist yet.
        queries: For ``explore``: for each layer number, ``{"q": [positions, heads, head_dim], "positions": [...], "scale": x}`` and
            further parameters of its attention (``rope_theta``, ``sliding_window``, ``logit_softcap``). For a cache in memory only.

    Raises:
        FileExistsError: When ``path`` exists already.
        ValueError: When queries can't be used, or no capture is left.

    >>> import numpy, tempfile, os
    >>> values = numpy.zeros((1, 2, 16, 8), "float16")
    >>> path = save([(values, values)], os.path.join(tempfile.mkdtemp(), "cache.safetensors"))
    >>> scan(path)["captures"]
    1
    """
    dump = open_dump(cache, name, tensor_names, axes, kv_heads, bits16, queries)
    return _written(dump, cache, path)


def _new_path(path: Union[str, os.PathLike[str]], source: Any) -> Path:
    """The path to write. It must not exist, nor lie in the dump: the next scan would find its captures twice."""
    target = Path(path)
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target}: there is no folder {target.parent}")
    sources = [source] if isinstance(source, _PathLike) else source if isinstance(source, Sequence) else []
    for each in sources:
        if isinstance(each, _PathLike) and Path(each).is_dir() and Path(each).resolve() in target.resolve().parents:
            raise ValueError(
                f"the output {target} lies in the dump that is read ({os.fspath(each)}): the next scan would find its captures twice; "
                "name a place outside"
            )
    return target


def _written(
    dump: _kvlens.Dump,
    source: Any,
    path: Union[str, os.PathLike[str]],
    *,
    format: Optional[str] = None,
    stage: Optional[str] = None,
    layers: Any = None,
    tokens: Optional[str] = None,
    dtype: Optional[str] = None,
) -> Path:
    _must_have_captures(dump)
    target = _new_path(path, source)
    ending = target.suffix[1:]
    as_ended = ending if ending in ("zip", "safetensors") else "folder"
    options = (format or as_ended, stage, None if layers is None else _text(layers), tokens, dtype)
    for problem in json.loads(dump.summary())["problems"]:
        warnings.warn(f"left out: {problem['file']}: {problem['message']}", stacklevel=3)
    # Until it is complete, it lies in a new folder that scans skip.
    with tempfile.TemporaryDirectory(prefix=".kvlens-write-", suffix=".tmp", dir=target.parent) as folder:
        unfinished = Path(folder, target.name)
        _, _, overflows = _kvlens.convert(dump, unfinished, options)
        unfinished.rename(target)
    if overflows:
        warnings.warn(f"{overflows} values too large for {dtype} are infinite in {target}", stacklevel=3)
    return target


def analyses() -> dict[str, dict[str, Any]]:
    """All analyses by name: the question that each answers, and its settings with meaning, type, range and default.

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
