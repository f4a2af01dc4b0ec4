"""Order, restart, keys and failures of the stages, with real clips and fake networks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import Cancelled
from core.base.progress import Progress, Report
from core.base.settings import DetectSettings, EmbedSettings, TrackSettings, VideoSettings
from core.base.types import Tracks
from core.machine.artifacts import Store
from core.runs import Camera, Networks, Recipe, run_camera, run_cameras
from core.runs import network_stages as stages
from core.vision.regions import Region, Regions, write_trail
from core.vision.video import probe
from tests.runs.fakes import BrightDetector, ColourEmbedder, figures, networks, write_scene

RECIPE = Recipe(video=VideoSettings(fps=0))
FRAMES = 60
LOOKS = 5
"""How often each figure is looked at: three times when it comes, and every two seconds after that."""


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "gate.mp4", FRAMES)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "CHUNK", 16)


def run(clip: Path, store: Store, nets: Networks, recipe: Recipe = RECIPE, **more: object) -> Tracks:
    return run_camera(Camera("gate", clip), recipe, nets, store, Progress(), **more).tracks  # type: ignore[arg-type]


def test_boxes_come_back_in_source_pixels_frames_and_seconds(clip: Path, store: Store) -> None:
    tracks = run(clip, store, networks(BrightDetector()))
    assert set(tracks.track.tolist()) == {1, 2}
    assert tracks.frame.min() == 0 and tracks.frame.max() == FRAMES - 1
    np.testing.assert_allclose(tracks.seconds, tracks.frame / 10)
    upper = tracks[tracks.xyxy[:, 3] < 65]
    np.testing.assert_allclose(upper.xyxy, [figures(f)[0] for f in upper.frame], atol=2)


def test_a_detector_that_looks_at_small_pictures_still_answers_in_source_pixels(clip: Path, store: Store) -> None:
    detector = BrightDetector()
    detector.fit = lambda width, height: (width // 2, height // 2)  # type: ignore[method-assign]
    tracks = run(clip, store, networks(detector))
    upper = tracks[tracks.xyxy[:, 3] < 65]
    np.testing.assert_allclose(upper.xyxy, [figures(f)[0] for f in upper.frame], atol=4)


def test_nothing_runs_twice(clip: Path, store: Store) -> None:
    detector, embedder = BrightDetector(), ColourEmbedder()
    first = run(clip, store, networks(detector, embedder))
    assert detector.frames == FRAMES and embedder.crops == 2 * LOOKS
    second = run(clip, store, networks(detector, embedder), replace(RECIPE, track=TrackSettings(iou=0.1, max_age=1)))
    assert detector.frames == FRAMES and embedder.crops == 2 * LOOKS
    assert len(second) == len(first)


@pytest.mark.parametrize(
    ("change", "frames", "crops"),
    [
        ({"track": TrackSettings(conf=0.3)}, 0, 0),
        ({"embed": EmbedSettings(flip=True)}, 0, 1),
        ({"embed": EmbedSettings(every=True)}, 0, 1),
        ({"detect": DetectSettings(size=320)}, 1, 1),
        ({"video": VideoSettings(fps=5)}, 1, 1),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_setting_repeats_its_own_stage_and_those_after_it(
    clip: Path, store: Store, change: dict[str, object], frames: int, crops: int
) -> None:
    run(clip, store, networks(BrightDetector(), ColourEmbedder()))
    detector, embedder = BrightDetector(), ColourEmbedder()
    run(clip, store, networks(detector, embedder), replace(RECIPE, **change))  # type: ignore[arg-type]
    assert (detector.frames > 0) == frames
    assert (embedder.crops > 0) == crops


@pytest.mark.parametrize(("every", "looks"), [(False, LOOKS), (True, FRAMES)])
def test_the_record_says_how_many_boxes_were_looked_at(clip: Path, store: Store, every: bool, looks: int) -> None:
    recipe, embedder = replace(RECIPE, embed=EmbedSettings(every=every)), ColourEmbedder()
    for _ in ("made", "kept"):
        result = run_camera(Camera("gate", clip), recipe, networks(BrightDetector(), embedder), store, Progress())
        assert result.stages["embed"]["crops"] == embedder.crops == 2 * looks
        assert result.stages["embed"]["of_boxes"] == 2 * FRAMES


def test_another_model_is_another_result(clip: Path, store: Store) -> None:
    run(clip, store, networks(BrightDetector()))
    detector = BrightDetector()
    run(clip, store, networks(detector, digest="d2"))
    assert detector.frames == FRAMES


def test_fresh_does_all_stages_again(clip: Path, store: Store) -> None:
    run(clip, store, networks(BrightDetector(), ColourEmbedder()))
    detector, embedder = BrightDetector(), ColourEmbedder()
    run(clip, store, networks(detector, embedder), fresh=True)
    assert detector.frames == FRAMES and embedder.crops == 2 * LOOKS


@pytest.mark.parametrize("stopped_at", [0, 1, 16, 40, 59])
def test_a_stopped_run_goes_on_at_its_last_chunk(clip: Path, store: Store, tmp_path: Path, stopped_at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(clip, store, networks(BrightDetector(fails_at=stopped_at), ColourEmbedder()))
    detector = BrightDetector()
    resumed = run(clip, store, networks(detector, ColourEmbedder()))
    assert detector.frames == FRAMES - max(0, (stopped_at - 1) // 16 * 16)
    whole = run(clip, Store(tmp_path / "other"), networks(BrightDetector(), ColourEmbedder()))
    for name in ("frame", "track", "xyxy", "score", "detected"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(whole, name))


def chunk_names(root: Path) -> set[str]:
    return {p.name for p in root.rglob("*.npz")}


def test_chunks_are_the_same_bytes_after_a_stop(clip: Path, store: Store, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(clip, store, networks(BrightDetector(fails_at=37), ColourEmbedder()))
    run(clip, store, networks(BrightDetector(), ColourEmbedder()))
    run(clip, Store(tmp_path / "other"), networks(BrightDetector(), ColourEmbedder()))
    assert chunk_names(store.root) == chunk_names(tmp_path / "other")


def test_a_damaged_chunk_is_computed_again_within_the_run(clip: Path, store: Store) -> None:
    whole = run(clip, store, networks(BrightDetector(), ColourEmbedder()))
    path = sorted(store.root.rglob("detect-*/00002-*.npz"))[0]
    path.write_bytes(path.read_bytes()[:50])
    detector = BrightDetector()
    nets = networks(detector, ColourEmbedder())
    (result,) = run_cameras([Camera("gate", clip)], RECIPE, nets, store, Progress())
    assert result.fault == "" and detector.frames == 28
    np.testing.assert_array_equal(result.tracks.xyxy, whole.xyxy)


def test_cancel_keeps_what_was_done(clip: Path, store: Store) -> None:
    told: list[Report] = []
    progress = Progress(told.append, is_cancelled=lambda: bool(told) and told[-1].done >= 40, every=0)
    with pytest.raises(Cancelled):
        run_camera(Camera("gate", clip), RECIPE, networks(BrightDetector()), store, progress)
    assert len(chunk_names(store.root)) == 2


def test_progress_names_the_stage_and_reaches_the_end(clip: Path, store: Store) -> None:
    told: list[Report] = []
    run_camera(Camera("gate", clip), RECIPE, networks(BrightDetector(), ColourEmbedder()), store, Progress(told.append))
    assert list(dict.fromkeys(r.stage for r in told)) == ["detect", "embed", "track"]
    for stage in ("detect", "embed", "track"):
        own = [r for r in told if r.stage == stage]
        assert own[0].done == 0 and own[-1].done == own[-1].total == FRAMES


def test_one_bad_clip_stops_nothing(clip: Path, store: Store, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"")
    cameras = [Camera("a", tmp_path / "none.mp4"), Camera("b", clip), Camera("c", bad)]
    results = list(run_cameras(cameras, RECIPE, networks(BrightDetector()), store, Progress()))
    assert [bool(r.fault) for r in results] == [True, False, True]
    assert len(results[1].tracks) > 0


def test_nobody_there(tmp_path: Path, store: Store) -> None:
    empty = write_scene(tmp_path / "empty.mp4", 20, empty=True)
    embedder = ColourEmbedder()
    assert len(run(empty, store, networks(BrightDetector(), embedder))) == 0
    assert embedder.crops == 0


def test_regions_filter_without_detecting_again(clip: Path, store: Store) -> None:
    run(clip, store, networks(BrightDetector()))
    detector = BrightDetector()
    upper = Regions((Region("box", ((0.0, 0.0), (1.0, 0.55))),))
    tracks = run(clip, store, networks(detector), regions=upper)
    assert detector.frames == 0
    assert set(tracks.track.tolist()) == {1}
    assert tracks.xyxy[:, 3].max() < 66


def test_regions_spare_the_embedder(clip: Path, store: Store) -> None:
    embedder = ColourEmbedder()
    upper = Regions((Region("box", ((0.0, 0.0), (1.0, 0.55))),))
    run(clip, store, networks(BrightDetector(), embedder), regions=upper)
    assert embedder.crops == LOOKS


def test_crops_show_the_box_and_nothing_else() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[10:20, 30:50] = 200
    assert (stages.crop(picture, np.array([30, 10, 50, 20], np.float32)) == 200).all()
    assert stages.crop(picture, np.array([-9, -9, 5, 5], np.float32)).shape == (5, 5, 3)
    assert stages.crop(picture, np.array([59.5, 39.5, 90, 90], np.float32)).shape == (1, 1, 3)


def test_somebody_who_was_deleted_is_not_found_again(clip: Path, store: Store) -> None:
    """Nor described by a vector: only the boxes that others stored stay."""
    before = run(clip, store, networks(BrightDetector(), ColourEmbedder()))
    gone = before[before.track == 1]
    found = probe(clip)
    regions = Regions(left_out=(write_trail(gone.seconds, gone.xyxy, found.width, found.height),))
    detector, embedder = BrightDetector(), ColourEmbedder()
    after = run(clip, store, networks(detector, embedder), regions=regions)
    assert detector.frames == 0 and 0 < embedder.crops <= LOOKS
    assert after.xyxy.tolist() == before[before.track != 1].xyxy.tolist()
