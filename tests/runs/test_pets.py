"""The whole chain on real footage, against truth. Floors are those that the project holds itself to."""

from dataclasses import replace
from typing import Any, NoReturn

import pytest

from core.base.settings import EmbedSettings, TrackSettings
from core.lab.evaluate import Scores, score
from core.runs import CameraResult, Networks
from core.vision.mot import read_mot, rows_of
from tests.conftest import Pets

pytestmark = [pytest.mark.shared, pytest.mark.timeout(300)]


def scores(pets: Pets, result: CameraResult) -> Scores:
    return score(read_mot(pets.truth), rows_of(result.tracks_of_people), scale=pets.scale)


def test_motion_only(pets: Pets) -> None:
    found = scores(pets, pets.run(pets.recipe, features=False)).as_dict()
    assert found["MOTA"] >= 0.86
    assert found["IDF1"] >= 0.82
    assert found["HOTA"] >= 0.62


def test_with_features(pets: Pets) -> None:
    found = scores(pets, pets.run(pets.recipe, features=True)).as_dict()
    assert found["MOTA"] >= 0.86
    assert found["IDF1"] >= 0.85


def test_a_quarter_of_the_looks_is_enough(pets: Pets) -> None:
    few = pets.run(pets.recipe, features=True)
    every = pets.run(replace(pets.recipe, embed=EmbedSettings(every=True)), features=True)
    looks = few.stages["embed"]
    assert every.stages["embed"]["crops"] == looks["of_boxes"] >= 4 * looks["crops"] > 0
    assert scores(pets, few).as_dict()["IDF1"] >= scores(pets, every).as_dict()["IDF1"] - 0.01


def _refuse(*args: Any) -> NoReturn:
    raise AssertionError("a network was opened")


@pytest.mark.parametrize(
    "settings",
    [TrackSettings(iou=0.35), TrackSettings(conf=0.4), TrackSettings(track_cos=0.95), TrackSettings(conf=0.05)],
    ids=["iou", "conf", "track_cos", "conf-down-to-the-floor"],
)
@pytest.mark.parametrize("features", [False, True])
def test_new_track_settings_run_no_network(pets: Pets, settings: TrackSettings, features: bool) -> None:
    before = pets.run(pets.recipe, features)
    embedder = pets.embedder if features else None
    sealed = Networks(pets.detector, embedder, "auto", make_detector=_refuse, make_embedder=_refuse)
    after = pets.run(replace(pets.recipe, track=settings), features, sealed)
    same = len(after.tracks) == len(before.tracks) and (after.tracks.track == before.tracks.track).all()
    assert same == (settings.track_cos != TrackSettings().track_cos and not features)


def test_the_networks_do_run_when_nothing_is_stored(pets: Pets) -> None:
    """The seal of the test above does hold: a new detector size needs the network."""
    sealed = Networks(pets.detector, None, "auto", make_detector=_refuse, make_embedder=_refuse)
    other = replace(pets.recipe, detect=replace(pets.recipe.detect, size=320))
    with pytest.raises(AssertionError, match="a network was opened"):
        pets.run(other, False, sealed)
