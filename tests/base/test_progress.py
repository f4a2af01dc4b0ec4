import pytest

from core.base.errors import Cancelled
from core.base.progress import Progress, Report


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_time_left_count_only_this_run() -> None:
    clock, told = Clock(), list[Report]()
    progress = Progress(told.append, clock=clock)
    progress.camera("gate", 2, 3)
    progress.begin("detect", total=300, done=100)
    clock.now += 10
    progress.at(200)
    last = told[-1]
    assert (last.camera, last.number, last.cameras, last.stage) == ("gate", 2, 3, "detect")
    assert last.rate == pytest.approx(10) and last.left_seconds == pytest.approx(10)
    assert last.share == pytest.approx(2 / 3)


def test_listeners_are_not_flooded_but_hear_the_end() -> None:
    clock, told = Clock(), list[Report]()
    progress = Progress(told.append, every=1.0, clock=clock)
    progress.begin("track", 100)
    for i in range(1, 101):
        clock.now += 0.01
        progress.at(i)
    assert [r.done for r in told] == [0, 99, 100] or [r.done for r in told] == [0, 100]


def test_a_wish_to_stop_is_heard() -> None:
    progress = Progress(is_cancelled=lambda: True)
    progress.begin("track", 10)
    with pytest.raises(Cancelled):
        progress.at(1)
