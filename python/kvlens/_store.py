"""Files behind fsspec: a listing, and reads of ranges."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, Optional

#: Descriptions of captures are small and many: so many are fetched at a time.
_AT_ONCE = 500

#: Larger files are read in ranges.
_SMALL = 1 << 16

#: Tries of a read that fails.
_TRIES = 4

Files = list[tuple[str, int]]


class Store:
    """The files below an address, by paths relative to it. It can be sent to another machine."""

    _only: Optional[str] = None

    def __init__(self, url: str, storage_options: Optional[dict[str, Any]] = None) -> None:
        from fsspec.core import url_to_fs

        self._fs, self._root = url_to_fs(url, **(storage_options or {}))
        self._root = self._root.rstrip("/")
        if self._fs.isfile(self._root):
            # The folder that it is in, and of that the file alone.
            self._root, _, self._only = self._root.rpartition("/")

    def files(self) -> Files:
        """Path and size of each file.

        Raises:
            FileNotFoundError: Where there is none.
        """
        below = f"{self._root}/{self._only}" if self._only else self._root
        found = self._fs.find(below, detail=True)
        if not found:
            raise FileNotFoundError(f"{self._fs.unstrip_protocol(self._root)}: no file is there")
        files = []
        for place, status in sorted(found.items()):
            files.append((place[len(self._root) + 1 :], int(status["size"])))
        return files

    def reader(self, files: Sequence[tuple[str, int]]) -> Reader:
        """Reads of these files, each by its place in the list."""
        return Reader(self._fs, [f"{self._root}/{path}" for path, _ in files], [size for _, size in files])


class Reader:
    """Reads ranges of files."""

    def __init__(self, fs: Any, places: list[str], sizes: list[int]) -> None:
        self._fs = fs
        self._places = places
        self._sizes = sizes
        self._held: dict[int, bytes] = {}

    def fetch(self, which: Iterable[int]) -> None:
        """Fetches small files many at a time, for reads to come; what fails is read again then."""
        waiting = list(which)
        for start in range(0, len(waiting), _AT_ONCE):
            some = waiting[start : start + _AT_ONCE]
            # By ranges: whole files would be asked for twice, once whether they are there.
            places = [self._places[file] for file in some]
            found = self._fs.cat_ranges(places, 0, [self._sizes[file] for file in some], on_error="return")
            self._held.update({file: content for file, content in zip(some, found) if isinstance(content, bytes)})

    def read(self, file: int, offset: int, length: int) -> bytes:
        """The bytes of a range; a store that stumbles is asked again."""
        held = self._held.get(file)
        if held is not None:
            return held[offset : offset + length]
        if length == 0:
            return b""
        for attempt in range(_TRIES):
            try:
                content: bytes = self._fs.cat_file(self._places[file], start=offset, end=offset + length)
                return content
            except (FileNotFoundError, PermissionError):
                raise
            except OSError:
                if attempt == _TRIES - 1:
                    raise
                time.sleep(0.2 * 2**attempt)
        raise AssertionError("a try ends the loop")

    def forget(self) -> None:
        """Lets go of what was fetched."""
        self._held.clear()


def descriptions(files: Sequence[tuple[str, int]]) -> list[int]:
    """The files that a scan reads whole: what describes captures."""
    return [place for place, (path, size) in enumerate(files) if size <= _SMALL and path.endswith(".json")]
