"""What can be asked of the sample footage, and what is fixed about it. Refuses what the plan could not keep."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import SettingsError

WIDTH, HEIGHT = 960, 540
VERSION = 2
"""Of the renderer: raised whenever the same settings give other pictures."""


@dataclass(frozen=True)
class SampleSettings:
    """How many cameras and people, for how long; the same settings always give the same footage."""

    cameras: int = 3
    people: int = 8
    seconds: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        _within("cameras", self.cameras, 2, 6)
        _within("people", self.people, 7, 24)
        _within("seconds", self.seconds, 12, 600)
        _within("seed", self.seed, 0, 2**31 - 1)


def _within(name: str, value: float, low: int, high: int) -> None:
    if not low <= value <= high:
        raise SettingsError(f"{name} is {value:g}, outside {low} to {high}", f"Give a value from {low} to {high}.")
