"""A whole run over made-up clips, with fake networks that go by the names of the models that come with Sightline."""

from dataclasses import replace
from pathlib import Path

from core.base.settings import EmbedSettings, TrackSettings, VideoSettings
from core.export import ExportOptions
from core.machine.artifacts import Store
from core.runs import (
    CUT,
    DIFFERENT,
    SAME,
    Camera,
    Choice,
    Gallery,
    Link,
    Networks,
    Recipe,
    Setup,
    TrackKey,
    collect_evidence,
    track_clips,
)
from core.vision.models import DETECTOR, EMBEDDER, find
from core.vision.regions import Region, Regions
from tests.runs.fakes import SURE, BrightDetector, ColourEmbedder, write_scene
from tests.runs.making import decide_and_write

WHOLE = Regions((Region("box", ((0.0, 0.1), (1.0, 1.0)), name="yard"),))
LINKS = (
    Link(TrackKey("gate", 1), DIFFERENT, TrackKey("hall", 2)),
    Link(TrackKey("gate", 1), SAME, TrackKey("hall", 1)),
    Link(TrackKey("hall", 1), CUT, seconds="2.1"),
)


EXPORT = ExportOptions(blur=False, reason="nobody is anybody", when="today")
"""How the result of `setup` is handed out: the reason is in the manifest, and a run like it gives it again."""


def faked(setup: Setup, lower: float = SURE) -> Setup:
    """The same setup with networks that find figures by brightness and tell them apart by colour. Of the figure in the
    lower half of the picture the detector is as sure as `lower` says."""
    real = setup.networks
    assert real.embedder_model
    fakes = Networks(
        real.detector_model,
        real.embedder_model,
        real.backend,
        make_detector=lambda *_: BrightDetector(lower=lower),
        make_embedder=lambda *_: ColourEmbedder(),
    )
    return replace(setup, networks=fakes)


def setup(folder: Path, lower: float = SURE) -> Setup:
    """Two cameras that see the same two figures, with something set everywhere that something can be set."""
    cameras = [Camera("hall", folder / "b.mp4"), Camera("gate", folder / "a.mp4")]
    for camera, frames in zip(cameras, (36, 30), strict=True):
        write_scene(camera.clip, frames)
    return faked(
        Setup(
            cameras,
            Networks(find(DETECTOR, "detector"), find(EMBEDDER, "embedder"), "openvino"),
            Recipe(
                VideoSettings(fps=0, start_seconds=0.2), embed=EmbedSettings(every=True), track=TrackSettings(conf=0.3)
            ),
            {"gate": WHOLE},
            {"gate": 100.1},
            Choice(
                0.871,
                LINKS,
                travel=(("hall", "gate", 60.5),),
                names=(("gate", 1, "Änna", "=1"),),
                purpose="a test",
            ),
        ),
        lower,
    )


def done(setup: Setup, out: Path, options: ExportOptions = EXPORT) -> Gallery:
    """Done from the beginning: nothing of an earlier run is used."""
    results = track_clips(setup, out, with_crops=True, store=Store(out / "store"))
    evidence = collect_evidence(results, setup.offsets, out, not setup.find_overlaps)
    return decide_and_write(evidence, out, setup.prior, setup.choice, options).gallery
