"""The plan of a sample: cameras, plaza, people and a walk for everybody, within constraints that hold for every seed.

The constraints: two people are dressed alike; two come into the picture of one camera only; two meet, stand and talk;
one leaves all pictures and returns; everybody but the two of one camera is seen by at least two cameras. The pictures
of the cameras overlap in part. Whether a walk satisfies its constraints is judged by projection alone.

Everything is drawn from the seed, in a fixed order. Walks are drawn one after the other, again where one breaks a
constraint or comes too close to a person or an obstacle; where none can be had, the whole scene is planned again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np

from core.base.errors import SettingsError
from core.lab.synthetic.people import Person, draw_people
from core.lab.synthetic.props import Plaza, plaza_of
from core.lab.synthetic.settings import HEIGHT, WIDTH, SampleSettings
from core.lab.synthetic.views import Reals, View, views_of
from core.lab.synthetic.walking import TICK, Stop, Walk, walk

ALIKE, ALONE, TALKERS, RETURNER = (0, 1), (2, 3), (4, 5), 6
CHECK_INTERVAL = 0.2  # seconds between the places of a walk that are checked
MIN_HEIGHT = 60  # pixels of height from which a person counts as seen in full
MIN_DISTANCE = 4.2  # metres from a person to a camera that sees them
_BODY_BOX = np.array([(x, y, z) for x in (-0.6, 0.6) for y in (-0.6, 0.6) for z in (0.0, 1.0)])
MIN_SEPARATION = 0.62  # metres between two people
_WALK_ATTEMPTS = 800  # walks drawn for one person
_CHECK_STEP = round(CHECK_INTERVAL / TICK)
_PLAN_ATTEMPTS = 24  # plans tried for one seed


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that is filmed. `people` and `walks` have a person per row; ids in the truth are rows from 1 on."""

    settings: SampleSettings
    views: list[View]
    plaza: Plaza
    people: list[Person]
    walks: list[Walk]


@lru_cache(maxsize=4)
def scene_of(settings: SampleSettings) -> Scene:
    """The plan for these settings, always the same."""
    for attempt in range(_PLAN_ATTEMPTS):
        views = views_of(settings, attempt)
        generator = np.random.default_rng([settings.seed, 3, attempt])
        plaza = plaza_of(settings, [view.position[:2] for view in views], attempt)
        people = draw_people(settings.people, np.random.default_rng([settings.seed, 4]))
        walks = Planner(settings, views, plaza, people, generator).walks()
        if walks is not None:
            return Scene(settings, views, plaza, people, walks)
    raise SettingsError("no plan was found for these settings", "Try another seed, fewer people or more seconds.")


class Planner:
    """Draws the walks of all people from one generator, one after the other."""

    def __init__(
        self,
        settings: SampleSettings,
        views: list[View],
        plaza: Plaza,
        people: list[Person],
        generator: np.random.Generator,
    ) -> None:
        self.settings, self.views, self.plaza, self.people, self.generator = settings, views, plaza, people, generator
        self.seconds = _walking_seconds(settings)
        self.planned: list[Walk] = []

    @cached_property
    def cells(self) -> dict[str, list[Reals]]:
        """Free places (n, 2): `shared` by cameras, `private` to each camera, `hidden` from all, `near` the middle."""
        x, y = np.meshgrid(np.arange(-15, 15.1, 0.5), np.arange(-15, 15.1, 0.5))
        xy = np.stack([x.ravel(), y.ravel()], 1)
        xy = xy[(np.hypot(*xy.T) < 15) & is_unobstructed(self.plaza, xy, xy)]
        touches, in_full, too_close = visibility(self.views, xy, 1.8)
        free = ~too_close.any(0)
        in_one = (touches.sum(0) == 1) & free
        return {
            "shared": [xy[(in_full.sum(0) >= 2) & free & (np.hypot(*xy.T) < 9)]],
            "private": [xy[in_one & of_camera] for of_camera in in_full],
            "hidden": [xy[(touches.sum(0) == 0)]],
            "near": [xy[(np.hypot(*xy.T) < 9) & (in_full.sum(0) >= 1) & free]],
        }

    def walks(self) -> list[Walk] | None:
        """A walk for everybody, or None where one could not be found."""
        shared, hidden = self.cells["shared"][0], self.cells["hidden"][0]
        if len(shared) < 8 or not len(hidden) or sum(len(cells) > 3 for cells in self.cells["private"]) < 1:
            return None
        found: dict[int, Walk] = {}
        for number in (*ALONE, TALKERS[0], TALKERS[1], RETURNER, *ALIKE, *range(7, len(self.people))):
            path = self._draw_walk(number)
            if path is None:
                return None
            found[number] = path
            self.planned.append(path)
        return [found[number] for number in range(len(self.people))]

    def _draw_walk(self, number: int) -> Walk | None:
        for _ in range(_WALK_ATTEMPTS):
            if number in ALONE:
                stops = self._stops_before_one_camera(number)
            elif number in TALKERS:
                stops = self._stops_of_talker(number)
            elif number == RETURNER:
                stops = self._stops_of_returner()
            else:
                stops = self._stops_of_passer_by()
            if stops is None:
                continue
            path = walk(self.people[number], stops, self.seconds, float(self.generator.uniform(0, 0.5)))
            if self._keeps_distance(path) and satisfies_constraints(
                number, path.xy[::_CHECK_STEP], self.people[number].height, self.views, self.settings
            ):
                return path
        return None

    def _keeps_distance(self, path: Walk) -> bool:
        """Whether a walk keeps clear of obstacles and of people planned earlier."""
        xy = path.xy[::_CHECK_STEP]
        if not is_unobstructed(self.plaza, xy[:-1], xy[1:]).all():
            return False
        return not any(
            (np.hypot(*(xy - earlier.xy[::_CHECK_STEP]).T) < MIN_SEPARATION).any() for earlier in self.planned
        )

    def _random_place(self, cells: Reals) -> Reals:
        found: Reals = cells[self.generator.integers(len(cells))] + self.generator.uniform(-0.2, 0.2, 2)
        return found

    def _onward(self, stops: list[Stop], seconds: float = 0.0) -> list[Stop] | None:
        """`stops`, then on over the plaza until the end of the film; None where no free path is found."""
        shared, near = self.cells["shared"][0], self.cells["near"][0]
        place, walked_seconds = np.array([stops[-1].x, stops[-1].y]), seconds
        while walked_seconds < self.seconds + 4:
            for _ in range(40):
                target = self._random_place(shared if self.generator.random() < 0.6 else near)
                if np.hypot(*(target - place)) > 3.5 and is_unobstructed(self.plaza, place[None], target[None])[0]:
                    break
            else:
                return None
            wait = float(self.generator.uniform(1.5, 3)) if self.generator.random() < 0.12 else 0.0
            stops = [*stops, _stop(target, wait)]
            walked_seconds += float(np.hypot(*(target - place))) / 1.5 + wait
            place = target
        return stops

    def _stops_of_passer_by(self) -> list[Stop] | None:
        cells = self.cells["near"] if self.generator.random() < 0.5 else self.cells["hidden"]
        return self._onward([_stop(self._random_place(cells[0]))])

    def _stops_of_returner(self) -> list[Stop] | None:
        shared, hidden = self.cells["shared"][0], self._random_place(self.cells["hidden"][0])
        start = min(
            (self._random_place(shared) for _ in range(12)), key=lambda place: float(np.hypot(*(place - hidden)))
        )
        if np.hypot(*(start - hidden)) > 0.6 * self.settings.seconds:
            return None
        return self._onward([_stop(start), _stop(hidden, 1.2)])

    def _stops_before_one_camera(self, number: int) -> list[Stop] | None:
        """To and fro in the area of one camera; the two people get different cameras where possible."""
        areas = [cells for cells in self.cells["private"] if len(cells) > 3]
        cells = (
            areas[(number - ALONE[0]) % len(areas)]
            if self.generator.random() < 0.8
            else areas[self.generator.integers(len(areas))]
        )
        ends = [self._random_place(cells) for _ in range(3)]
        if self.generator.random() < 0.5:
            ends[0] = self._random_place(self.cells["hidden"][0])
        if max(np.hypot(*(a - b)) for a, b in pairwise(ends)) < 1.5:
            return None
        order = [0, 1, 2]
        while len(order) < 3 + self.seconds / 1.5:
            order += [1, 2]
        waits = [float(self.generator.uniform(0.5, 4)) for _ in order]
        return [_stop(ends[n], wait) for n, wait in zip(order, waits, strict=True)]

    def _stops_of_talker(self, number: int) -> list[Stop] | None:
        """To a place shared by cameras, to stand there facing the other talker; then onward."""
        if number == TALKERS[0]:
            middle, angle = self._random_place(self.cells["shared"][0]), self.generator.uniform(0, 2 * np.pi)
            offset = 0.5 * np.array([np.cos(angle), np.sin(angle)])
            self._talking_places = (middle + offset, middle - offset)
        place, partner = self._talking_places if number == TALKERS[0] else self._talking_places[::-1]
        start = self._random_place(self.cells["near"][0])
        distance = float(np.hypot(*(start - place)))
        if not 1.5 < distance < 0.3 * self.settings.seconds + 2:
            return None
        wait = 0.4 * self.settings.seconds
        stops = [_stop(start), _stop(place, wait, partner)]
        return self._onward(stops, distance / 1.5 + wait)


def _stop(place: Reals, wait: float = 0.0, face: Reals | None = None) -> Stop:
    return Stop(float(place[0]), float(place[1]), wait, None if face is None else (float(face[0]), float(face[1])))


def _walking_seconds(settings: SampleSettings) -> float:
    """Seconds for which people walk: until the film of the last camera has ended."""
    return settings.seconds + max(view.offset for view in views_of(settings))


def satisfies_constraints(number: int, xy: Reals, height: float, views: list[View], settings: SampleSettings) -> bool:
    """Whether places (n, 2), every CHECK_INTERVAL seconds, satisfy the constraints on the person of that number."""
    touches, in_full, too_close = visibility(views, xy, height)
    if too_close.any():
        return False
    seconds_seen = _while_filming(in_full, views, settings).sum(1) * CHECK_INTERVAL
    if number in ALONE:
        return bool((touches.any(1).sum() == 1) and seconds_seen.max() >= 0.25 * settings.seconds)
    if (seconds_seen >= 1.2).sum() < 2:
        return False
    if number == RETURNER:
        return returns(np.asarray(touches.any(0)))
    return True


def visibility(views: list[View], xy: Reals, height: float) -> tuple[Reals, Reals, Reals]:
    """For places (n, 2): both of `in_view`, and whether a person is too close to the camera; each (cameras, n)."""
    touches, in_full = (np.stack(flags) for flags in zip(*(in_view(view, xy, height) for view in views), strict=True))
    too_close = np.stack([np.hypot(*(xy - view.position[:2]).T) < MIN_DISTANCE for view in views])
    return touches, in_full, touches & too_close


def in_view(view: View, xy: Reals, height: float) -> tuple[Reals, Reals]:
    """For places (n, 2): whether a person there may touch the picture, and whether they are fully in it; each (n,)."""
    points = xy[:, None, :] * (1, 1) + _BODY_BOX[None, :, :2]
    heights = np.broadcast_to(_BODY_BOX[:, 2] * (height + 0.06), points.shape[:2])
    projected = view.project(np.concatenate([points, heights[..., None]], -1))
    in_front = projected[..., 2].min(1) > 0.1
    low, high = projected[..., :2].min(1), projected[..., :2].max(1)
    touches = in_front & (high > -8).all(1) & (low[:, 0] < WIDTH + 8) & (low[:, 1] < HEIGHT + 8)
    middle = view.project(np.stack([*xy.T, np.full(len(xy), height / 2)], 1))[:, 2]
    size = view.focal * height / np.maximum(middle, 0.1)
    in_full = in_front & (low >= 0).all(1) & (high[:, 0] <= WIDTH) & (high[:, 1] <= HEIGHT) & (size >= MIN_HEIGHT)
    return touches, in_full


def is_unobstructed(plaza: Plaza, start: Reals, end: Reals) -> Reals:
    """Whether straight paths from `start` to `end` (n, 2) keep clear of all obstacles; (n,)."""
    found: Reals = np.ones(len(start), bool)
    for x, y, reach in plaza.obstacles:
        path = end - start
        share = (((x, y) - start) * path).sum(1) / np.maximum((path * path).sum(1), 1e-9)
        nearest = start + np.clip(share, 0, 1)[:, None] * path
        found &= np.hypot(nearest[:, 0] - x, nearest[:, 1] - y) > reach + 0.38
    return found


def _while_filming(flags: Reals, views: list[View], settings: SampleSettings) -> Reals:
    """`flags` (cameras, n), every CHECK_INTERVAL seconds, only while each camera is filming."""
    seconds = np.arange(flags.shape[1]) * CHECK_INTERVAL
    filming = np.stack([(seconds >= view.offset) & (seconds < view.offset + settings.seconds) for view in views])
    found: Reals = flags & filming
    return found


def returns(visible: Reals) -> bool:
    """Whether somebody, seen or not every CHECK_INTERVAL seconds, is gone for a second and then seen again.

    >>> returns(np.array([1] * 5 + [0] * 5 + [1] * 5)), returns(np.array([0] * 5 + [1] * 5 + [0] * 5))
    (True, False)
    """
    rows = np.flatnonzero(np.asarray(visible) > 0)
    return bool(len(rows) > 1 and np.diff(rows).max() * CHECK_INTERVAL > 1.0)
