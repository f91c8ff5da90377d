"""A cache as one ``.kvz`` file, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

from . import _kvlens
from ._api import _must_have_captures, _new_path, _written, open_dump
from ._progress import Told, telling_share


@dataclass(frozen=True)
class Packed:
    """A ``.kvz`` that was written, read back and compared."""

    #: The file.
    path: Path
    #: How K is stored: as asked for, or as found within the limit.
    k_scheme: str
    #: How V is stored.
    v_scheme: str
    #: The captures in it.
    captures: int
    #: Bytes of K and V in the dump.
    bytes_raw: int
    #: Bytes of K in the file.
    bytes_k: int
    #: Bytes of V in the file.
    bytes_v: int
    #: Bytes of captured queries in the file.
    bytes_queries: int
    #: Bytes of names, shapes and schemes.
    bytes_index: int
    #: Bytes of K and V in the dump by those in the file.
    ratio: float
    #: Cosine of K as read back, the mean over layers.
    cosine_k: float
    #: Cosine of V.
    cosine_v: float
    #: Error of the attention's outputs, the mean over layers with captured queries; ``None`` where there are none.
    attention_error: Optional[float]
    #: KL of the next token: 7 times the attention error, within a factor of two on two small models; on a tiny one that was ten times too much.
    estimated_kl: Optional[float]
    #: What is stored otherwise than asked for, and why.
    notes: list[str] = field(repr=False)
    #: What of the dump could not be read, and is not in the file.
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
    captured_queries: Optional[Mapping[int, Mapping[str, Any]]] = None,
    name: str = "cache",
    tensor_names: Optional[str] = None,
    axes: Optional[str] = None,
    kv_heads: Optional[int] = None,
    bits16: Optional[str] = None,
) -> Packed:
    """Stores a dump or cache as one ``.kvz`` file, by a scheme or as small as a limit of error allows; reads it back and tells the errors.

    The file is the command line's (``kvlens pack``), byte for byte. Give schemes, or one limit.

    Args:
        cache: As for :func:`kvlens.analyze`.
        path: The ``.kvz`` file to write; it must not exist yet.
        scheme: How K and V are stored: ``lossless``, ``q8_0``, ``int:b=4,per=channel,sym``, ``tkc:c=0.155`` and others.
        k_scheme: How K is stored; by default as ``scheme`` says, losslessly where there is none.
        v_scheme: How V is stored.
        min_cosine: As small as it gets while the cosine of K and of V is no less, as the mean over layers and over captures; 1 is lossless.
        max_index: As small as it gets while the index of K and V together is no more.
        max_attention_error: As small as it gets while the attention error of the captured queries is no more.
        sinks: First positions of a run that schemes leave as they are.
        recent: Last tokens of a layer that schemes leave as they are.
        queries: Keep the captured queries in the file too.
        progress: ``True`` for a bar of tqdm, or a function that is given what is being done (``searching``, ``packing``,
            ``reading back``) and how much of it, of 1.
        captured_queries: Queries of a cache in memory, as for :func:`kvlens.save`.

    Raises:
        ValueError: For schemes and limits that can't be used (all are named), and where nothing is left to pack.
        FileExistsError: Where there is something at ``path``.
        OSError: Where the cache can't be read or the file can't be written.

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
    """Writes the captures and queries of a ``.kvz`` (or of any dump) as files: ``meta_*.json`` with K and V beside it.

    Args:
        path: The ``.kvz``.
        folder: The folder to write; it must not exist yet.

    Raises:
        FileExistsError: Where there is something at ``folder``.
        ValueError: Where there is no capture.
        OSError: Where the file can't be read or the folder can't be written.

    >>> import numpy, tempfile, os
    >>> values, folder = numpy.zeros((1, 2, 16, 32), "float16"), tempfile.mkdtemp()
    >>> packed = pack([(values, values)], os.path.join(folder, "cache.kvz"), "lossless")
    >>> sorted(path.suffix for path in unpack(packed.path, os.path.join(folder, "dump")).rglob("*") if path.is_file())
    ['.bin', '.bin', '.json']
    """
    dump = open_dump(path, "cache", None, None, None, None)
    return _written(dump, path, folder, format="folder")
