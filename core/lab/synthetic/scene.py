"""What a sample promises of its people, and whether a path keeps it.

Two are dressed alike; two come into one camera's picture only; two meet, stand and talk; one leaves all pictures and
returns; everybody but the two is seen by at least two cameras. Owns who has which part, and when somebody counts as
seen. Judges by projection alone; refuses to draw paths, and knows no pixels.

Paths for everybody in a sample: drawn from the generator, checked, and drawn again where they break a promise.

Owns how candidates are drawn for each part that somebody plays, and that people keep apart. Refuses to say what is
promised (`promises` does) and how a path is walked (`walks` does). Where no path can be had, the caller plans anew.

The whole plan of a sample: cameras, plaza, people and their paths, with promises that hold for every seed.

The pictures overlap in part; what else is promised stands in `promises`, and `planning` draws the paths. Owns the order
of the draws from the seed, and draws anew where a plan breaks a promise. Refuses to know pixels."""

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
CHECK_INTERVAL = 0.2  # seconds between the places that are checked
MIN_HEIGHT = 60  # pixels of height from which a person counts as seen
MIN_DISTANCE = 4.2  # metres to a camera that sees them
_BODY_BOX = np.array([(x, y, z) for x in (-0.6, 0.6) for y in (-0.6, 0.6) for z in (0.0, 1.0)])


def satisfies_constraints(who: int, xy: Reals, height: float, views: list[View], settings: SampleSettings) -> bool:
    """Whether places (n, 2) every LOOKED seconds keep the promise made about a person of that number."""
    touched, whole, close = visibility(views, xy, height)
    if close.any():
        return False
    seen = _while_filming(whole, views, settings).sum(1) * CHECK_INTERVAL
    if who in ALONE:
        return bool((touched.any(1).sum() == 1) and seen.max() >= 0.25 * settings.seconds)
    if (seen >= 1.2).sum() < 2:
        return False
    if who == RETURNER:
        return returns(np.asarray(touched.any(0)))
    return True


def visibility(views: list[View], xy: Reals, height: float) -> tuple[Reals, Reals, Reals]:
    """For places (n, 2), each (cameras, n): as `in_view`, and whether a person there touches a picture too close."""
    touched, whole = (np.stack(flags) for flags in zip(*(in_view(v, xy, height) for v in views), strict=True))
    close = np.stack([np.hypot(*(xy - v.position[:2]).T) < MIN_DISTANCE for v in views])
    return touched, whole, touched & close


def in_view(view: View, xy: Reals, height: float) -> tuple[Reals, Reals]:
    """For places (n, 2): whether a person there can touch the picture, and whether they are whole in it."""
    points = xy[:, None, :] * (1, 1) + _BODY_BOX[None, :, :2]
    tall = np.broadcast_to(_BODY_BOX[:, 2] * (height + 0.06), points.shape[:2])
    seen = view.project(np.concatenate([points, tall[..., None]], -1))
    before = seen[..., 2].min(1) > 0.1
    low, high = seen[..., :2].min(1), seen[..., :2].max(1)
    touches = before & (high > -8).all(1) & (low[:, 0] < WIDTH + 8) & (low[:, 1] < HEIGHT + 8)
    middle = view.project(np.stack([*xy.T, np.full(len(xy), height / 2)], 1))[:, 2]
    size = view.focal * height / np.maximum(middle, 0.1)
    whole = before & (low >= 0).all(1) & (high[:, 0] <= WIDTH) & (high[:, 1] <= HEIGHT) & (size >= MIN_HEIGHT)
    return touches, whole


def is_unobstructed(plaza: Plaza, begin: Reals, end: Reals) -> Reals:
    """Whether ways from `begin` to `end` (n, 2) keep clear of everything that stands."""
    found: Reals = np.ones(len(begin), bool)
    for x, y, reach in plaza.round:
        way = end - begin
        share = (((x, y) - begin) * way).sum(1) / np.maximum((way * way).sum(1), 1e-9)
        nearest = begin + np.clip(share, 0, 1)[:, None] * way
        found &= np.hypot(nearest[:, 0] - x, nearest[:, 1] - y) > reach + 0.38
    return found


def _while_filming(flags: Reals, views: list[View], settings: SampleSettings) -> Reals:
    """Flags (cameras, n) every LOOKED seconds, only where each camera was filming."""
    at = np.arange(flags.shape[1]) * CHECK_INTERVAL
    filming = np.stack([(at >= v.offset) & (at < v.offset + settings.seconds) for v in views])
    found: Reals = flags & filming
    return found


def returns(seen: Reals) -> bool:
    """Whether somebody seen at moments (every LOOKED seconds) is gone for a second and then seen again.

    >>> returns(np.array([1] * 5 + [0] * 5 + [1] * 5)), returns(np.array([0] * 5 + [1] * 5 + [0] * 5))
    (True, False)
    """
    rows = np.flatnonzero(np.asarray(seen) > 0)
    return bool(len(rows) > 1 and np.diff(rows).max() * CHECK_INTERVAL > 1.0)


MIN_SEPARATION = 0.62  # metres between two people
_WALK_ATTEMPTS = 800  # of a path for one person
_CHECK_STEP = round(CHECK_INTERVAL / TICK)


class Planner:
    """Draws walks for `looks` before `views` from one generator, one after the other."""

    def __init__(
        self,
        settings: SampleSettings,
        views: list[View],
        plaza: Plaza,
        looks: list[Person],
        generator: np.random.Generator,
    ) -> None:
        self.settings, self.views, self.plaza, self.looks, self.generator = settings, views, plaza, looks, generator
        self.seconds = _walking_seconds(settings)
        self.done: list[Walk] = []

    @cached_property
    def cells(self) -> dict[str, list[Reals]]:
        """Free places: `shared` by two pictures or more, `private` to each camera, `hidden` from all, `near`."""
        x, y = np.meshgrid(np.arange(-15, 15.1, 0.5), np.arange(-15, 15.1, 0.5))
        xy = np.stack([x.ravel(), y.ravel()], 1)
        xy = xy[(np.hypot(*xy.T) < 15) & is_unobstructed(self.plaza, xy, xy)]
        touched, whole, close = visibility(self.views, xy, 1.8)
        free = ~close.any(0)
        alone = (touched.sum(0) == 1) & free
        return {
            "shared": [xy[(whole.sum(0) >= 2) & free & (np.hypot(*xy.T) < 9)]],
            "private": [xy[alone & here] for here in whole],
            "hidden": [xy[(touched.sum(0) == 0)]],
            "near": [xy[(np.hypot(*xy.T) < 9) & (whole.sum(0) >= 1) & free]],
        }

    def walks(self) -> list[Walk] | None:
        """A walk for everybody, or None where some promise could not be kept."""
        shared, hidden = self.cells["shared"][0], self.cells["hidden"][0]
        if len(shared) < 8 or not len(hidden) or sum(len(cells) > 3 for cells in self.cells["private"]) < 1:
            return None
        found: dict[int, Walk] = {}
        for who in (*ALONE, TALKERS[0], TALKERS[1], RETURNER, *ALIKE, *range(7, len(self.looks))):
            one = self._one(who)
            if one is None:
                return None
            found[who] = one
            self.done.append(one)
        return [found[who] for who in range(len(self.looks))]

    def _one(self, who: int) -> Walk | None:
        for _ in range(_WALK_ATTEMPTS):
            if who in ALONE:
                stops = self._alone(who)
            elif who in TALKERS:
                stops = self._talking(who)
            elif who == RETURNER:
                stops = self._returning()
            else:
                stops = self._roaming()
            if stops is None:
                continue
            one = walk(self.looks[who], stops, self.seconds, float(self.generator.uniform(0, 0.5)))
            if self._apart(one) and satisfies_constraints(who, one.xy[::_CHECK_STEP], self.looks[who].height, self.views, self.settings):
                return one
        return None

    def _apart(self, one: Walk) -> bool:
        """Whether a walk keeps clear of people and things."""
        xy = one.xy[::_CHECK_STEP]
        if not is_unobstructed(self.plaza, xy[:-1], xy[1:]).all():
            return False
        return not any((np.hypot(*(xy - other.xy[::_CHECK_STEP]).T) < MIN_SEPARATION).any() for other in self.done)

    def _pick(self, cells: Reals) -> Reals:
        found: Reals = cells[self.generator.integers(len(cells))] + self.generator.uniform(-0.2, 0.2, 2)
        return found

    def _on(self, stops: list[Stop], seconds: float = 0.0) -> list[Stop] | None:
        """`stops` and then onward over the plaza, until there is enough to walk for the rest of the film."""
        shared, near = self.cells["shared"][0], self.cells["near"][0]
        here, spent = np.array([stops[-1].x, stops[-1].y]), seconds
        while spent < self.seconds + 4:
            for _ in range(40):
                there = self._pick(shared if self.generator.random() < 0.6 else near)
                if np.hypot(*(there - here)) > 3.5 and is_unobstructed(self.plaza, here[None], there[None])[0]:
                    break
            else:
                return None
            wait = float(self.generator.uniform(1.5, 3)) if self.generator.random() < 0.12 else 0.0
            stops = [*stops, _stop(there, wait)]
            spent += float(np.hypot(*(there - here))) / 1.5 + wait
            here = there
        return stops

    def _roaming(self) -> list[Stop] | None:
        cells = self.cells["near"] if self.generator.random() < 0.5 else self.cells["hidden"]
        return self._on([_stop(self._pick(cells[0]))])

    def _returning(self) -> list[Stop] | None:
        shared, gone = self.cells["shared"][0], self._pick(self.cells["hidden"][0])
        begin = min((self._pick(shared) for _ in range(12)), key=lambda place: float(np.hypot(*(place - gone))))
        if np.hypot(*(begin - gone)) > 0.6 * self.settings.seconds:
            return None
        return self._on([_stop(begin), _stop(gone, 1.2)])

    def _alone(self, who: int) -> list[Stop] | None:
        """To and fro where one camera sees; the two of them before different cameras where that can be."""
        rooms = [cells for cells in self.cells["private"] if len(cells) > 3]
        cells = (
            rooms[(who - ALONE[0]) % len(rooms)]
            if self.generator.random() < 0.8
            else rooms[self.generator.integers(len(rooms))]
        )
        ends = [self._pick(cells) for _ in range(3)]
        if self.generator.random() < 0.5:
            ends[0] = self._pick(self.cells["hidden"][0])
        if max(np.hypot(*(a - b)) for a, b in pairwise(ends)) < 1.5:
            return None
        order = [0, 1, 2]
        while len(order) < 3 + self.seconds / 1.5:
            order += [1, 2]
        waits = [float(self.generator.uniform(0.5, 4)) for _ in order]
        return [_stop(ends[n], wait) for n, wait in zip(order, waits, strict=True)]

    def _talking(self, who: int) -> list[Stop] | None:
        """To a place that two cameras share, there to stand before the other; then onward."""
        if who == TALKERS[0]:
            place, angle = self._pick(self.cells["shared"][0]), self.generator.uniform(0, 2 * np.pi)
            aside = 0.5 * np.array([np.cos(angle), np.sin(angle)])
            self._meeting = (place + aside, place - aside)
        mine, theirs = self._meeting if who == TALKERS[0] else self._meeting[::-1]
        begin = self._pick(self.cells["near"][0])
        away = float(np.hypot(*(begin - mine)))
        if not 1.5 < away < 0.3 * self.settings.seconds + 2:
            return None
        stay = 0.4 * self.settings.seconds
        begun = [_stop(begin), _stop(mine, stay, theirs)]
        return self._on(begun, away / 1.5 + stay)


def _stop(place: Reals, wait: float = 0.0, face: Reals | None = None) -> Stop:
    return Stop(float(place[0]), float(place[1]), wait, None if face is None else (float(face[0]), float(face[1])))


def _walking_seconds(settings: SampleSettings) -> float:
    """How long people walk: until the last camera's film has ended, seconds."""
    return settings.seconds + max(view.offset for view in views_of(settings))


_PLAN_ATTEMPTS = 24  # that are tried for one seed


@dataclass(frozen=True, eq=False)
class Scene:
    settings: SampleSettings
    views: list[View]
    plaza: Plaza
    looks: list[Person]
    walks: list[Walk]


@lru_cache(maxsize=4)
def scene_of(settings: SampleSettings) -> Scene:
    """The plan for these settings, always the same."""
    for attempt in range(_PLAN_ATTEMPTS):
        views = views_of(settings, attempt)
        generator = np.random.default_rng([settings.seed, 3, attempt])
        plaza = plaza_of(settings, [view.position[:2] for view in views], attempt)
        looks = draw_people(settings.people, np.random.default_rng([settings.seed, 4]))
        walks = Planner(settings, views, plaza, looks, generator).walks()
        if walks is not None:
            return Scene(settings, views, plaza, looks, walks)
    raise SettingsError("no such footage could be planned", "Try another seed, fewer people or more seconds.")
