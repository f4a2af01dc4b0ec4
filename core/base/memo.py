"""A bounded memory of answers: whoever opens it owns it, and what was asked for longest ago goes first.

An answer is made outside the lock, so that others get theirs meanwhile; two who ask for the same one wait for one
making of it. An answer that fails is not remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(Generic[K, V]):
    """Up to `most` answers by what was asked.

    >>> squares: Memo[int, int] = Memo(2)
    >>> [squares.get(n, lambda n=n: n * n) for n in (1, 2, 3)], 1 in squares, 3 in squares
    ([1, 4, 9], False, True)
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError(f"a memo holds at least one answer, not {most}")
        self._most = most
        self._lock = threading.Lock()
        self._answers: OrderedDict[K, Future[V]] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        """Whether the answer is there, made to the end."""
        with self._lock:
            return key in self._answers and self._answers[key].done()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The answer to `key`; where it is not there, what `make` returns, which is remembered."""
        while True:
            with self._lock:
                is_new = key not in self._answers
                answer = self._answers.setdefault(key, Future())
                self._answers.move_to_end(key)
            if is_new:
                self._make(key, answer, make)
            try:
                return answer.result()
            except CancelledError:
                # Whoever was making it was interrupted, which is no answer to anybody else.
                continue

    def put(self, key: K, value: V) -> None:
        """Remember an answer that was made elsewhere."""
        answer: Future[V] = Future()
        answer.set_result(value)
        with self._lock:
            self._answers[key] = answer
            self._answers.move_to_end(key)
            self._trim()

    def _make(self, key: K, answer: Future[V], make: Callable[[], V]) -> None:
        try:
            answer.set_result(make())
        except Exception as fault:  # noqa: BLE001
            # Raised again in everybody who waits, this thread included.
            self._forget(key, answer)
            answer.set_exception(fault)
        except BaseException:
            self._forget(key, answer)
            answer.cancel()
            raise
        with self._lock:
            self._trim()

    def _forget(self, key: K, answer: Future[V]) -> None:
        with self._lock:
            if self._answers.get(key) is answer:
                del self._answers[key]

    def _trim(self) -> None:
        """Drop the oldest until few enough are left; those being made stay, for somebody waits for them."""
        over = len(self._answers) - self._most
        for key in [key for key, answer in self._answers.items() if answer.done()][: max(over, 0)]:
            del self._answers[key]
