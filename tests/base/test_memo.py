"""A bounded memory of answers: made once, the oldest dropped first, nobody kept waiting for somebody else's."""

import threading

import pytest

from core.base.memo import Memo


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    memo: Memo[str, str] = Memo(2)
    for key in "abac":
        memo.get(key, key.upper)
    assert [key in memo for key in "abc"] == [True, False, True]


def test_values_that_weigh_more_leave_room_for_fewer() -> None:
    memo: Memo[str, str] = Memo(5, len)
    for key in ("aa", "bb", "c"):
        memo.get(key, lambda key=key: key)  # type: ignore[misc]
    assert [key in memo for key in ("aa", "bb", "c")] == [True, True, True]
    memo.get("dd", lambda: "dd")
    assert [key in memo for key in ("aa", "bb", "c", "dd")] == [False, True, True, True]
    # One that is too large for all is given out, and not kept.
    assert memo.get("e", lambda: "e" * 9) == "e" * 9
    assert "e" not in memo


def test_two_who_ask_for_the_same_wait_for_one_making() -> None:
    memo: Memo[str, int] = Memo(2)
    begun, go = threading.Event(), threading.Event()
    made, found = [], []

    def make() -> int:
        made.append(1)
        begun.set()
        assert go.wait(10)
        return 7

    threads = [threading.Thread(target=lambda: found.append(memo.get("a", make))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    # Whoever asks for something else does not wait.
    assert memo.get("b", lambda: 8) == 8
    go.set()
    for thread in threads:
        thread.join(10)
    assert (made, found) == ([1], [7] * 4)


def test_a_failure_is_raised_and_not_remembered() -> None:
    memo: Memo[str, int] = Memo(2)
    with pytest.raises(ZeroDivisionError):
        memo.get("a", lambda: 1 // 0)
    assert memo.get("a", lambda: 3) == 3


def test_who_waits_for_somebody_that_was_interrupted_makes_it_anew() -> None:
    memo: Memo[str, int] = Memo(2)
    begun, go = threading.Event(), threading.Event()
    found: list[int] = []

    def interrupted() -> int:
        begun.set()
        assert go.wait(10)
        raise KeyboardInterrupt

    def first() -> None:
        with pytest.raises(KeyboardInterrupt):
            memo.get("a", interrupted)

    threads = [threading.Thread(target=first), threading.Thread(target=lambda: found.append(memo.get("a", lambda: 5)))]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(10)
    assert found == [5]


def test_an_answer_made_elsewhere_is_taken_over() -> None:
    memo: Memo[str, int] = Memo(1)
    memo.put("a", 1)
    assert memo.get("a", lambda: 2) == 1
    memo.put("b", 2)
    assert "a" not in memo


def test_a_memo_holds_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Memo(0)
