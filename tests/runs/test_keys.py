"""What names the artifacts of a clip in the store: as 0.1.0 named them, whatever is asked for first."""

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.base.progress import Progress
from core.base.settings import DetectSettings, EmbedSettings, TrackSettings, VideoSettings
from core.base.types import Clip, Timeline
from core.machine.artifacts import Store, digest_of
from core.runs import STORED, ClipPipeline, Networks, Recipe
from core.vision.models import Model
from core.vision.regions import Region, Regions
from tests.runs.fakes import model

PLAIN = Recipe()
OTHER = Recipe(
    VideoSettings(fps=0, start_seconds=0.2),
    DetectSettings(size=640),
    EmbedSettings(every=True),
    TrackSettings(conf=0.3),
)
YARD = Regions((Region("box", ((0.0, 0.1), (1.0, 1.0)), name="yard"),))
DETECT = "fc205dc4ef67e102ad99"


class Fixed(Networks):
    """Networks whose keys are the same on any computer."""

    def key(self, model: Model) -> dict[str, Any]:
        of_this = {"model": model.digest, "architecture": "", "input": "none"}
        return {**of_this, "runtime": "openvino", "precision": "single"}


def work(folder: Path, recipe: Recipe, regions: Regions | None = None, embedder: bool = True) -> ClipPipeline:
    networks = Fixed(model("detector"), model("embedder", "d2") if embedder else None, "openvino")
    clip = Clip("a.mp4", "d" * 64, 160, 120, np.array([0.0, 0.1]), 10.0, "h264", "mp4")
    return ClipPipeline(clip, Timeline.empty(), recipe, networks, Store(folder), Progress(), regions, fresh=False)


@pytest.mark.parametrize(
    ("recipe", "regions", "keys"),
    [
        (PLAIN, None, (DETECT, "2cfcc75a181bb32af9f5", "eedcc7432f2b15cc17af")),
        (OTHER, YARD, ("1419c505f7bcb91de1b4", "0291cfe3b8d46284fa95", "20cdb65315acf6b1d79e")),
    ],
)
def test_keys_are_those_of_0_1_0(
    recipe: Recipe, regions: Regions | None, keys: tuple[str, ...], tmp_path: Path
) -> None:
    """Recorded with 0.1.0: another key would make everybody's store worthless. A stage's own version may change it, as
    that of crops did when things became tracks too."""
    found = work(tmp_path, recipe, regions)
    assert tuple(digest_of(found.key_of(stage)) for stage in STORED) == keys


def test_without_an_embedder_boxes_are_stored_alike(tmp_path: Path) -> None:
    found = work(tmp_path, PLAIN, YARD, embedder=False)
    assert digest_of(found.key_of("detect")) == DETECT
    assert found.key_of("embed") == found.key_of("detect")


def test_keys_do_not_depend_on_the_order_of_calls(tmp_path: Path) -> None:
    names = set()
    for order in permutations(STORED):
        found = work(tmp_path, OTHER, YARD)
        names.add(tuple(sorted(found.artifact_of(stage).folder.name for stage in order)))
    assert len(names) == 1
