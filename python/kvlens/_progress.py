"""Progress: calls the user's function, or moves a tqdm bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Callable, Optional, Union

#: Called with captures done, all captures, bytes done and all bytes.
Progress = Callable[[int, int, int, int], Any]

#: Called with the current step and the fraction of it that is done, 0 to 1.
Told = Callable[[str, float], Any]


@contextmanager
def _told(progress: Any, follow: Callable[[Any], Any], **bar_options: Any) -> Iterator[Any]:
    """The user's function; with ``True``, a function that moves a tqdm bar; with ``None`` or ``False``, ``None``.

    Raises:
        ImportError: When ``progress`` is ``True`` and tqdm is not installed.
    """
    if progress is None or progress is False:
        yield None
        return
    if progress is not True:
        yield progress
        return
    from tqdm.auto import tqdm

    with tqdm(**bar_options) as bar:
        yield follow(bar)


def telling(progress: Union[Progress, bool, None], what: str) -> AbstractContextManager[Optional[Progress]]:
    """The function that reports progress over captures."""

    def follow(bar: Any) -> Progress:
        def tell(captures: int, captures_total: int, done: int, total: int) -> None:
            bar.total = total
            bar.set_postfix_str(f"{captures}/{captures_total} captures", refresh=False)
            bar.update(done - bar.n)

        return tell

    return _told(progress, follow, total=None, unit="B", unit_scale=True, desc=what)


def telling_share(progress: Union[Told, bool, None]) -> AbstractContextManager[Optional[Told]]:
    """The function that reports progress of steps, as fractions of 1."""

    def follow(bar: Any) -> Told:
        def tell(what: str, share: float) -> None:
            bar.set_description(what, refresh=False)
            bar.n = round(100 * share)
            bar.refresh()

        return tell

    return _told(progress, follow, total=100, unit="%")
