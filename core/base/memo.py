"""A bounded, thread-safe cache that drops the least recently used value first.

A value is computed outside the lock, so that threads asking for other keys do not wait; threads asking for the same
key wait for one computation. A computation that fails is not cached."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(Generic[K, V]):
    """Up to `capacity` values by key; with `weigh`, values that together weigh no more than that.

    >>> squares: Memo[int, int] = Memo(2)
    >>> [squares.get(n, lambda n=n: n * n) for n in (1, 2, 3)], 1 in squares, 3 in squares
    ([1, 4, 9], False, True)
    """

    def __init__(self, capacity: int, weigh: Callable[[V], int] = lambda value: 1) -> None:
        if capacity < 1:
            raise ValueError(f"a memo holds at least one value, not {capacity}")
        self._capacity = capacity
        self._weigh = weigh
        self._lock = threading.Lock()
        self._values: OrderedDict[K, Future[V]] = OrderedDict()
        # Of the values that are there. An unfinished one counts 1.
        self._weights: dict[K, int] = {}
        self._total = 0

    def __contains__(self, key: K) -> bool:
        """Whether the value is there, its computation finished."""
        with self._lock:
            return key in self._values and self._values[key].done()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of `key`; where there is none, what `make` returns, which is then cached."""
        while True:
            with self._lock:
                is_new = key not in self._values
                future = self._values.setdefault(key, Future())
                self._values.move_to_end(key)
            if is_new:
                self._make(key, future, make)
            try:
                return future.result()
            except CancelledError:
                # The thread that computed it was interrupted; this one tries for itself.
                continue

    def put(self, key: K, value: V) -> None:
        """Cache a value that was computed elsewhere."""
        future: Future[V] = Future()
        future.set_result(value)
        with self._lock:
            self._drop_weight(key)
            self._values[key] = future
            self._values.move_to_end(key)
            self._add_weight(key, value)

    def clear(self) -> None:
        """Drop every value that is there; those being computed stay."""
        with self._lock:
            for key in list(self._weights):
                self._drop_weight(key)
                del self._values[key]

    def _make(self, key: K, future: Future[V], make: Callable[[], V]) -> None:
        try:
            future.set_result(make())
        except Exception as fault:  # noqa: BLE001
            # Raised again in every waiting thread, this one included.
            self._forget(key, future)
            future.set_exception(fault)
        except BaseException:
            self._forget(key, future)
            future.cancel()
            raise
        with self._lock:
            # Unless another value was put in its place meanwhile.
            if self._values.get(key) is future:
                self._add_weight(key, future.result())

    def _forget(self, key: K, future: Future[V]) -> None:
        with self._lock:
            if self._values.get(key) is future:
                del self._values[key]

    def _add_weight(self, key: K, value: V) -> None:
        """Count a value that is there now, and drop the least recently used ones over the limit; unfinished ones stay,
        for threads wait for them."""
        self._weights[key] = self._weigh(value)
        self._total += self._weights[key]
        excess = self._total + len(self._values) - len(self._weights) - self._capacity
        while excess > 0 and (oldest := next((k for k in self._values if k in self._weights), None)) is not None:
            excess -= self._drop_weight(oldest)
            del self._values[oldest]

    def _drop_weight(self, key: K) -> int:
        weight = self._weights.pop(key, 0)
        self._total -= weight
        return weight
