"""Progress: a function of the caller's, or tqdm's bar where it is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, Optional, Union

#: Is given captures done, all captures, bytes done, all bytes.
Progress = Callable[[int, int, int, int], Any]

#: Is given what is being done and how much of it, of 1.
Told = Callable[[str, float], Any]


@contextmanager
def telling(progress: Union[Progress, bool, None], what: str) -> Iterator[Optional[Progress]]:
    """What is told of progress: the function itself; with ``True`` a bar of tqdm; nothing with ``None`` or ``False``.

    Raises:
        ImportError: Where a bar is asked for and tqdm is not there.
    """
    if progress is None or progress is False:
        yield None
        return
    if progress is not True:
        yield progress
        return
    from tqdm.auto import tqdm

    with tqdm(total=None, unit="B", unit_scale=True, desc=what) as bar:

        def tell(captures: int, captures_total: int, done: int, total: int) -> None:
            bar.total = total
            bar.set_postfix_str(f"{captures}/{captures_total} captures", refresh=False)
            bar.update(done - bar.n)

        yield tell


@contextmanager
def telling_share(progress: Union[Told, bool, None]) -> Iterator[Optional[Told]]:
    """As :func:`telling`, of work whose steps are told as shares of 1."""
    if progress is None or progress is False:
        yield None
        return
    if progress is not True:
        yield progress
        return
    from tqdm.auto import tqdm

    with tqdm(total=100, unit="%") as bar:

        def tell(what: str, share: float) -> None:
            bar.set_description(what, refresh=False)
            bar.n = round(100 * share)
            bar.refresh()

        yield tell
