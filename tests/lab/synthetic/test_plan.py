"""The plan's promises, by projection alone, for every seed that tests and users see first."""

from functools import lru_cache

import numpy as np
import pytest

from core.base.errors import SettingsError
from core.lab.synthetic import (
    ALIKE,
    ALONE,
    CHECK_INTERVAL,
    RETURNER,
    TALKERS,
    TICK,
    Reals,
    SampleSettings,
    Scene,
    in_view,
    returns,
    scene_of,
)

LONG_TO_PLAN = [
    *(SampleSettings(seed=seed) for seed in (3, 4)),
    SampleSettings(cameras=6, seed=1),
    SampleSettings(people=16, seed=2),
]
SETTINGS = [
    *(SampleSettings(seed=seed) for seed in range(3)),
    *(SampleSettings(seed=seed, seconds=12) for seed in (0, 4)),
    SampleSettings(cameras=2),
    SampleSettings(cameras=4, seed=3),
    *(pytest.param(settings, marks=pytest.mark.slow) for settings in LONG_TO_PLAN),
]
SEEDS = [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (3, 4))]

planned = lru_cache(maxsize=None)(scene_of)  # a plan takes seconds, and several tests look at the same ones


def views_of_person(scene: Scene, who: int) -> tuple[Reals, Reals]:
    """Every LOOKED seconds (cameras, n): whether a person touches each picture, whether they stand whole in it."""
    xy = scene.walks[who].xy[:: round(CHECK_INTERVAL / TICK)]
    pairs = [in_view(view, xy, scene.people[who].height) for view in scene.views]
    return np.stack([touched for touched, _ in pairs]), np.stack([whole for _, whole in pairs])


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: f"{s.cameras}x{s.people}x{s.seconds:g}s-{s.seed}")
def test_the_promises_hold(settings: SampleSettings) -> None:
    scene = planned(settings)
    assert len(scene.views) == settings.cameras and len(scene.people) == len(scene.walks) == settings.people
    for who in range(settings.people):
        touched, whole = views_of_person(scene, who)
        if who in ALONE:
            assert touched.any(1).sum() == 1 and whole.any()
        else:
            assert (whole.sum(1) * CHECK_INTERVAL >= 1).sum() >= 2, (
                f"person {who + 1} is seen by fewer than two cameras"
            )
        if who == RETURNER:
            assert returns(touched.any(0))
        if who in TALKERS:
            pace = [scene.walks[who].at(t).pace for t in np.arange(0, settings.seconds, CHECK_INTERVAL)]
            assert np.sum(np.array(pace) < 0.2) * CHECK_INTERVAL > 0.25 * settings.seconds


@pytest.mark.parametrize("seed", SEEDS)
def test_two_are_dressed_alike_and_nobody_else(seed: int) -> None:
    looks = planned(SampleSettings(seed=seed)).people
    clothes = [(look.top, look.bottom, look.upper, look.lower, look.pattern, look.shoes) for look in looks]
    same = [(a, b) for a in range(8) for b in range(a) if clothes[a] == clothes[b]]
    assert same == [ALIKE[::-1]]
    assert abs(looks[0].height - looks[1].height) > 0.05
    assert all(1.55 - 0.1 <= look.height <= 1.95 + 0.1 for look in looks)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_pictures_share_a_part_of_the_ground_only(seed: int) -> None:
    x, y = np.meshgrid(np.arange(-9, 9.1), np.arange(-9, 9.1))
    xy = np.stack([x.ravel(), y.ravel()], 1)
    whole = np.stack([in_view(view, xy, 1.75)[1] for view in planned(SampleSettings(seed=seed)).views])
    assert (whole.sum(0) >= 2).mean() > 0.2
    assert (whole.sum(0) == 1).mean() > 0.1


def test_cameras_differ_and_say_how() -> None:
    views = planned(SampleSettings()).views
    assert [view.fps for view in views[:2]] == [25, 25] and views[2].fps in (15, 20)
    for field in ("position", "pitch", "exposure", "balance", "noise", "crf", "offset"):
        assert len({getattr(view, field) for view in views}) == 3, field


def test_people_keep_apart() -> None:
    for seed in range(3):
        walks = planned(SampleSettings(seed=seed)).walks
        gaps = [np.hypot(*(a.xy - b.xy).T).min() for n, a in enumerate(walks) for b in walks[:n]]
        assert min(gaps) > 0.5


def test_feet_do_not_slide_faster_than_people_walk() -> None:
    """Metres walked grow with the path, so that the gait follows the ground."""
    one = planned(SampleSettings()).walks[7]
    path = np.hypot(*np.diff(one.xy, axis=0).T).sum()
    assert one.at(30.0).distance == pytest.approx(path, rel=0.1)


def test_a_seed_is_a_plan() -> None:
    def places(seed: int) -> Reals:
        scene_of.cache_clear()
        return np.stack([walk.xy for walk in scene_of(SampleSettings(seed=seed)).walks])

    assert np.array_equal(places(5), places(5))
    assert not np.array_equal(places(5), places(6))


@pytest.mark.parametrize(
    "wrong",
    [
        {"cameras": 1},
        {"cameras": 7},
        {"people": 6},
        {"people": 25},
        {"seconds": 11.9},
        {"seconds": float("nan")},
        {"seed": -1},
    ],
)
def test_settings_that_no_plan_could_keep(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        SampleSettings(**wrong)  # type: ignore[arg-type]
