"""Speed: figures kept and found again, what a run teaches, what it foretells, and a trial."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from core.base.progress import Progress
from core.base.settings import VideoSettings
from core.machine.artifacts import Store
from core.runs import Camera, Networks, Recipe, run_camera
from core.runs.estimate import (
    Rate,
    RateKind,
    Rates,
    estimate_clip,
    measure_clip,
    record_overhead,
    record_rates,
    run_overhead,
)
from core.vision.video import probe
from tests.runs.fakes import BrightDetector, ColourEmbedder, networks, write_scene

KIND = RateKind("detect", "model", 640, 10.0, 1_000_000)


@pytest.fixture
def rates(tmp_path: Path) -> Rates:
    return Rates(tmp_path / "speed")


def test_a_figure_is_found_again_by_another_server(rates: Rates, tmp_path: Path) -> None:
    rates.record(Rate(KIND, 300, 6.0, "run"))
    assert Rates(tmp_path / "speed").nearest(KIND) == Rate(KIND, 300, 6.0, "run")


def test_the_nearest_in_size_and_rate_counts_and_no_other_model(rates: Rates) -> None:
    near, far = replace(KIND, pixels=2_000_000), replace(KIND, pixels=6_000_000)
    for kind, seconds in ((near, 2.0), (far, 6.0), (replace(KIND, model="other"), 1.0), (replace(KIND, size=480), 1.0)):
        rates.record(Rate(kind, 1, seconds, "run"))
    found = rates.nearest(KIND)
    assert found is not None and found.seconds == 2.0
    assert rates.nearest(replace(KIND, pixels=1_000)) is None


def test_a_trial_gives_way_to_a_run_and_not_the_other_way(rates: Rates) -> None:
    rates.record(Rate(KIND, 1, 9.0, "trial"))
    rates.record(Rate(KIND, 1, 3.0, "run"))
    rates.record(Rate(KIND, 1, 8.0, "trial"))
    found = rates.nearest(KIND)
    assert found is not None and (found.seconds, found.basis) == (3.0, "run")


def test_a_broken_file_is_passed_over(rates: Rates, tmp_path: Path) -> None:
    rates.record(Rate(KIND, 1, 3.0, "run"))
    (tmp_path / "speed" / "x.json").write_text("{")
    assert Rates(tmp_path / "speed").nearest(KIND) is not None


def nets() -> Networks:
    return networks(BrightDetector(), ColourEmbedder())


def test_what_a_run_teaches_foretells_the_next_one(tmp_path: Path, rates: Rates) -> None:
    """The same clip again costs what it cost; in a store that holds its boxes, the detector costs nothing."""
    camera, recipe, store = Camera("gate", write_scene(tmp_path / "a.mp4")), Recipe(), Store(tmp_path / "store")
    clip, empty = probe(camera.clip), Store(tmp_path / "empty", preserve_times=True)
    before = estimate_clip(clip, camera, recipe, nets(), rates, empty)
    assert (before.total_seconds, before.frames, before.unknown) == (None, 60, ("detect", "embed", "track", "crops"))
    result = run_camera(camera, recipe, nets(), store, Progress(), with_crops=True)
    record_rates([result], recipe, nets(), rates)
    after = estimate_clip(clip, camera, recipe, nets(), rates, empty)
    spent = sum(cost["seconds"] - cost.get("opening", 0.0) for cost in result.stages.values())
    assert after.total_seconds is not None and math.isclose(after.total_seconds, spent, abs_tol=0.01)
    assert not after.from_trial
    again = estimate_clip(clip, camera, recipe, nets(), rates, Store(tmp_path / "store", preserve_times=True))
    assert again.done == ("detect", "embed", "crops")
    assert set(again.seconds) == {"track"}


def test_half_the_time_costs_half(tmp_path: Path, rates: Rates) -> None:
    camera, recipe = Camera("gate", write_scene(tmp_path / "a.mp4")), Recipe()
    clip, store = probe(camera.clip), Store(tmp_path / "empty", preserve_times=True)
    record_rates(
        [run_camera(camera, recipe, nets(), Store(tmp_path / "store"), Progress(), with_crops=True)],
        recipe,
        nets(),
        rates,
    )
    whole = estimate_clip(clip, camera, recipe, nets(), rates, store).total_seconds
    half = estimate_clip(clip, replace(camera, span=(0.0, 3.0)), recipe, nets(), rates, store).total_seconds
    assert whole is not None and half is not None and math.isclose(half, whole / 2, rel_tol=0.05)


def test_foretelling_leaves_what_was_used_last_as_it_is(tmp_path: Path, rates: Rates) -> None:
    camera, store = Camera("gate", write_scene(tmp_path / "a.mp4")), Store(tmp_path / "store")
    run_camera(camera, Recipe(), nets(), store, Progress())
    used = [entry.used for entry in store.entries()]
    estimate_clip(probe(camera.clip), camera, Recipe(), nets(), rates, Store(tmp_path / "store", preserve_times=True))
    assert [entry.used for entry in store.entries()] == used


def test_a_trial_measures_every_stage(tmp_path: Path, rates: Rates) -> None:
    clip = probe(write_scene(tmp_path / "a.mp4"))
    recipe = Recipe(VideoSettings(fps=5))
    found = measure_clip(clip, recipe, nets(), rates, seconds=0.05)
    assert all(rate.basis == "trial" and rate.seconds >= 0 for rate in found)
    foretold = estimate_clip(
        clip, Camera("gate", Path(clip.path)), recipe, nets(), rates, Store(tmp_path / "s", preserve_times=True)
    )
    assert foretold.from_trial and foretold.total_seconds is not None and foretold.total_seconds > 0


def test_what_a_run_needs_besides_its_stages(rates: Rates) -> None:
    assert run_overhead(rates) == 0.0
    record_overhead([], 4.5, rates)
    assert run_overhead(rates) == 4.5
