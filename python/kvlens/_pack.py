"""Packs a cache as one ``.kvz`` file, and unpacks it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

from . import _kvlens
from ._api import _must_have_captures, _new_path, _written, open_dump
from ._progress import Told, telling_share
from ._queries import Queries


@dataclass(frozen=True)
class Packed:
    """A ``.kvz`` that was written, read back and compared."""

    #: Path of the file.
    path: Path
    #: Scheme of K, as requested or as found within the limit.
    k_scheme: str
    #: Scheme of V, as requested or as found within the limit.
    v_scheme: str
    #: Number of captures in the file.
    captures: int
    #: Bytes of K and V in the dump.
    bytes_raw: int
    #: Bytes of K in the file.
    bytes_k: int
    #: Bytes of V in the file.
    bytes_v: int
    #: Bytes of captured queries in the file.
    bytes_queries: int
    #: Bytes of the index: names, shapes and schemes.
    bytes_index: int
    #: Bytes of K and V in the dump, divided by their bytes in the file.
    ratio: float
    #: Cosine between K in the dump and in the file, as the mean over layers.
    cosine_k: float
    #: Cosine between V in the dump and in the file, as the mean over layers.
    cosine_v: float
    #: Error of attention outputs, as the mean over layers with captured queries; ``None`` without queries.
    attention_error: Optional[float]
    #: Estimated KL divergence of the next token: 7 times the attention error, within a factor of two for nine of ten schemes on two small
    #: models and up to twelve times too high on a tiny one.
    estimated_kl: Optional[float]
    #: What is stored otherwise than requested, and why.
    notes: list[str] = field(repr=False)
    #: Problems: files and captures that could not be read, and are not in the file.
    problems: list[dict[str, str]] = field(repr=False)


def pack(
    cache: Any,
    path: Union[str, os.PathLike[str]],
    scheme: Optional[str] = None,
    k_scheme: Optional[str] = None,
    v_scheme: Optional[str] = None,
    min_cosine: Optional[float] = None,
    max_index: Optional[float] = None,
    max_attention_error: Optional[float] = None,
    sinks: int = 4,
    recent: int = 0,
    queries: bool = False,
    progress: Union[Told, bool, None] = None,
    *,
    captured_queries: Optional[Queries] = None,
    name: str = "cache",
    tensor_names: Optional[str] = None,
    axes: Optional[str] = None,
    kv_heads: Optional[int] = None,
    bits16: Optional[str] = None,
) -> Packed:
    """Stores a dump or cache as one ``.kvz`` file, by a scheme or within an error limit; reads it back and measures errors.

    The file equals that of ``kvlens pack`` byte for byte. Give either schemes or one limit.

    Args:
        cache: As for :func:`kvlens.analyze`.
        path: The ``.kvz`` file to write; it must not exist yet.
        scheme: How K and V are stored: ``lossless``, ``q8_0``, ``int:b=4,per=channel,sym``, ``tkc:c=0.155`` and others.
        k_scheme: How K is stored; by default by ``scheme`` or, without it, losslessly.
        v_scheme: How V is stored; by default by ``scheme`` or, without it, losslessly.
        min_cosine: Find the smallest file whose cosine of K and of V, as mean over layers and over captures, is at least this; 1 is lossless.
        max_index: Find the smallest file whose index of K and V together is at most this.
        max_attention_error: Find the smallest file whose attention error, for the captured queries, is at most this.
        sinks: Number of positions, from the start of a run, that schemes leave as they are.
        recent: Number of tokens, at the end of a layer, that schemes leave as they are.
        queries: Keep the captured queries in the file too.
        progress: ``True`` for a tqdm bar, or a function that is called with the current step (``searching``, ``packing``,
            ``reading back``) and the fraction of it that is done, 0 to 1.
        captured_queries: Queries of a cache in memory, as for :func:`kvlens.save`.

    Raises:
        ValueError: When schemes or limits are not valid (all are listed), or nothing is left to pack.
        FileExistsError: When ``path`` exists already.
        OSError: When the cache can't be read or the file can't be written.

    >>> import numpy, tempfile, os
    >>> values = numpy.random.default_rng(0).standard_normal((1, 2, 64, 32)).astype("float16")
    >>> file = os.path.join(tempfile.mkdtemp(), "cache.kvz")
    >>> packed = pack([(values, values)], file, "q8_0")
    >>> packed.bytes_k < values.nbytes, packed.cosine_k > 0.9999
    (True, True)
    """
    dump = open_dump(cache, name, tensor_names, axes, kv_heads, bits16, captured_queries)
    _must_have_captures(dump)
    target = _new_path(path, cache)
    limits = (min_cosine, max_index, max_attention_error)
    with telling_share(progress) as tell:
        told = _kvlens.pack(dump, target, (scheme, k_scheme, v_scheme), limits, (sinks, recent, queries), tell)
    figures = {name: getattr(told, name) for name in Packed.__dataclass_fields__ if name not in ("path", "problems")}
    return Packed(path=target, problems=json.loads(dump.summary())["problems"], **figures)


def unpack(path: Union[str, os.PathLike[str]], folder: Union[str, os.PathLike[str]]) -> Path:
    """Writes the captures and queries of a ``.kvz`` (or of any dump) as files: ``meta_*.json`` with K and V beside them.

    Args:
        path: The ``.kvz`` file, or any dump.
        folder: The folder to write; it must not exist yet.

    Raises:
        FileExistsError: When ``folder`` exists already.
        ValueError: When the dump has no capture.
        OSError: When the file can't be read or the folder can't be written.

    >>> import numpy, tempfile, os
    >>> values, folder = numpy.zeros((1, 2, 16, 32), "float16"), tempfile.mkdtemp()
    >>> packed = pack([(values, values)], os.path.join(folder, "cache.kvz"), "lossless")
    >>> sorted(path.suffix for path in unpack(packed.path, os.path.join(folder, "dump")).rglob("*") if path.is_file())
    ['.bin', '.bin', '.json']
    """
    dump = open_dump(path, "cache", None, None, None, None)
    return _written(dump, path, folder, format="folder")
