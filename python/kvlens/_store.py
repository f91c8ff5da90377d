"""Lists files behind fsspec, and reads ranges of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, Optional

#: Number of small files that are fetched at once: descriptions of captures are many.
_AT_ONCE = 500

#: Largest size, in bytes, of a file that is fetched whole.
_SMALL = 1 << 16

#: Attempts at a read that fails.
_TRIES = 4

#: Seconds before the second attempt; each pause is twice as long as the one before.
_PAUSE = 0.2

Files = list[tuple[str, int]]


class Store:
    """The files below a URL, by their paths relative to it. Can be pickled and sent to another machine."""

    _only: Optional[str] = None

    def __init__(self, url: str, storage_options: Optional[dict[str, Any]] = None) -> None:
        from fsspec.core import url_to_fs

        self._fs, self._root = url_to_fs(url, **(storage_options or {}))
        self._root = self._root.rstrip("/")
        if self._fs.isfile(self._root):
            # The URL of a single file: its folder, restricted to that file.
            self._root, _, self._only = self._root.rpartition("/")

    def files(self) -> Files:
        """Path and size of each file.

        Raises:
            FileNotFoundError: When there are no files.
        """
        below = f"{self._root}/{self._only}" if self._only else self._root
        found = self._fs.find(below, detail=True)
        if not found:
            raise FileNotFoundError(f"{self._fs.unstrip_protocol(self._root)}: no files found")
        files = []
        for place, status in sorted(found.items()):
            files.append((place[len(self._root) + 1 :], int(status["size"])))
        return files

    def reader(self, files: Sequence[tuple[str, int]]) -> Reader:
        """A reader of these files, which are identified by their index in the list."""
        return Reader(self._fs, [f"{self._root}/{path}" for path, _ in files], [size for _, size in files])


class Reader:
    """Reads ranges of files."""

    def __init__(self, fs: Any, places: list[str], sizes: list[int]) -> None:
        self._fs = fs
        self._places = places
        self._sizes = sizes
        self._held: dict[int, bytes] = {}

    def fetch(self, which: Iterable[int]) -> None:
        """Fetches small files in batches ahead of their reads; those that fail are read again on demand."""
        waiting = list(which)
        for start in range(0, len(waiting), _AT_ONCE):
            some = waiting[start : start + _AT_ONCE]
            # As ranges: for a whole file, fsspec would first request whether it exists.
            places = [self._places[file] for file in some]
            found = self._fs.cat_ranges(places, 0, [self._sizes[file] for file in some], on_error="return")
            self._held.update({file: content for file, content in zip(some, found) if isinstance(content, bytes)})

    def read(self, file: int, offset: int, length: int) -> bytes:
        """Reads a range; errors other than a missing file or permission are retried, of whatever type: those of HTTP clients are no
        ``OSError``. So is an answer that is cut off.
        """
        held = self._held.get(file)
        if held is not None:
            return held[offset : offset + length]
        if length == 0:
            return b""
        for attempt in range(_TRIES):
            try:
                content: bytes = self._fs.cat_file(self._places[file], start=offset, end=offset + length)
                if len(content) == length or attempt == _TRIES - 1:
                    return content
            except (FileNotFoundError, PermissionError):
                raise
            except Exception:
                if attempt == _TRIES - 1:
                    raise
            time.sleep(_PAUSE * 2**attempt)
        raise AssertionError("a try ends the loop")

    def forget(self) -> None:
        """Drops all fetched files."""
        self._held.clear()


def descriptions(files: Sequence[tuple[str, int]]) -> list[int]:
    """Indices of the files that a scan reads whole: descriptions of captures."""
    return [place for place, (path, size) in enumerate(files) if size <= _SMALL and path.endswith(".json")]
