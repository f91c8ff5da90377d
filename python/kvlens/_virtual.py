"""Presents arrays in memory as a safetensors file: the header is made here, and the data are the arrays' own bytes, read on demand. So
arrays are understood by the same rules as files, and nothing is held twice.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Optional

from ._arrays import Array


class SafetensorsView:
    """A virtual safetensors file of arrays."""

    def __init__(self, arrays: Sequence[Array], metadata: Optional[Mapping[str, str]] = None) -> None:
        head: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
        at = 0
        starts = []
        for each in arrays:
            if each.name in head:
                raise ValueError(f"{each.name}: there are two arrays of this name")
            head[each.name] = {
                "dtype": each.dtype,
                "shape": list(each.shape),
                "data_offsets": [at, at + each.nbytes],
            }
            starts.append(at)
            at += each.nbytes
        text = json.dumps(head).encode()
        text += b" " * (-len(text) % 8)
        self._head = len(text).to_bytes(8, "little") + text
        self._arrays = list(arrays)
        self._starts = [len(self._head) + start for start in starts]
        self._held: dict[int, memoryview] = {}
        self.size = len(self._head) + at

    def read(self, file: int, offset: int, length: int) -> bytes:
        """The bytes ``offset .. offset + length`` of the only file."""
        del file
        end = offset + length
        pieces = [self._head[offset:end]]
        at = max(offset, len(self._head))
        while at < end:
            # Empty arrays start at the same offset: the last one is the one with data.
            place = bisect_right(self._starts, at) - 1
            start = self._starts[place]
            piece = self._bytes(place)[at - start : end - start]
            pieces.append(bytes(piece))
            at += len(piece)
        return b"".join(pieces)

    def _bytes(self, place: int) -> memoryview:
        held = self._held.get(place)
        if held is None:
            # Only K and V of the capture that is being read are held.
            while len(self._held) > 1:
                self._held.pop(next(iter(self._held)))
            held = self._held[place] = self._arrays[place].load()
        return held
