"""Reads from an object store: what stumbles is asked again."""

import pytest
from kvlens import _store

CONTENT = bytes(range(100))


class ClientError(Exception):
    """As aiohttp has it: no OSError."""


class Stumbling:
    """A store whose first answers are these."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0

    def cat_file(self, path, start, end):
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else CONTENT[start:end]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(_store, "_PAUSE", 0)


def read(store):
    return _store.Reader(store, ["bucket/file"], [100]).read(0, 10, 20)


@pytest.mark.parametrize("answer", [ClientError("disconnected"), OSError("reset"), TimeoutError(), CONTENT[10:15]])
def test_what_stumbles_is_asked_again(answer):
    store = Stumbling(answer, answer, answer)
    assert read(store) == CONTENT[10:30] and store.asked == 4


def test_the_last_answer_counts_and_a_missing_file_is_no_stumble():
    with pytest.raises(ClientError, match="4"):
        read(Stumbling(*(ClientError(number) for number in (1, 2, 3, 4))))
    assert read(Stumbling(*[b"short"] * 4)) == b"short"
    store = Stumbling(FileNotFoundError("gone"))
    with pytest.raises(FileNotFoundError):
        read(store)
    assert store.asked == 1
