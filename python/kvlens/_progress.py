"""Progress: a function of the caller's, or tqdm's bar where it is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Callable, Optional, Union

#: Is given captures done, all captures, bytes done, all bytes.
Progress = Callable[[int, int, int, int], Any]

#: Is given what is being done and how much of it, of 1.
Told = Callable[[str, float], Any]


@contextmanager
def _told(progress: Any, follow: Callable[[Any], Any], **bar_options: Any) -> Iterator[Any]:
    """The function itself; with ``True`` what moves a bar of tqdm; nothing with ``None`` or ``False``.

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

    with tqdm(**bar_options) as bar:
        yield follow(bar)


def telling(progress: Union[Progress, bool, None], what: str) -> AbstractContextManager[Optional[Progress]]:
    """What is told of the progress over captures."""

    def follow(bar: Any) -> Progress:
        def tell(captures: int, captures_total: int, done: int, total: int) -> None:
            bar.total = total
            bar.set_postfix_str(f"{captures}/{captures_total} captures", refresh=False)
            bar.update(done - bar.n)

        return tell

    return _told(progress, follow, total=None, unit="B", unit_scale=True, desc=what)


def telling_share(progress: Union[Told, bool, None]) -> AbstractContextManager[Optional[Told]]:
    """The same of work whose steps are told as shares of 1."""

    def follow(bar: Any) -> Told:
        def tell(what: str, share: float) -> None:
            bar.set_description(what, refresh=False)
            bar.n = round(100 * share)
            bar.refresh()

        return tell

    return _told(progress, follow, total=100, unit="%")
