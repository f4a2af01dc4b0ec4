"""A camera of several files: one track across a cut, none across hours, and no frame looked at twice."""

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from core.base.progress import Progress, Report
from core.base.settings import VideoSettings
from core.machine.artifacts import Store
from core.review.track_mapping import Applied, load_run_tracks, map_tracks
from core.runs import (
    Camera,
    Recipe,
    RecordWriter,
    TrackKey,
    name_cameras,
    read_record,
    run_camera,
    write_parquet,
)
from core.vision.regions import Regions, write_trail
from core.vision.video import digest, probe
from tests.runs.fakes import BrightDetector, ColourEmbedder, networks, write_scene

RECIPE = Recipe(video=VideoSettings(fps=0.0))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def cut(scene: Path, *ends: int) -> list[Path]:
    """The film in files that end before these frames, each with a clock of its own, and the same pictures."""
    with av.open(str(scene)) as container:
        pictures = [frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)]
    files = []
    for begin, end in zip((0, *ends), (*ends, len(pictures)), strict=True):
        files.append(scene.with_name(f"{scene.stem}-{begin}.mkv"))
        with av.open(str(files[-1]), "w") as container:
            stream = container.add_stream("ffv1", rate=10)
            stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0] * 2 // 3, "yuv420p"
            for number, picture in enumerate(pictures[begin:end]):
                frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, 10)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return files


def joined(files: Sequence[Path], *starts: float | None) -> Camera:
    times = starts or (0.0, *[None] * (len(files) - 1))
    path = files[0].with_name("gate.recordings")
    entries = [{"file": file.name, "starts": at} for file, at in zip(files, times, strict=True)]
    path.write_text(json.dumps({"recordings": entries}))
    return Camera("gate", path)


def test_people_are_followed_across_a_cut_as_if_there_were_none(tmp_path: Path, store: Store) -> None:
    scene = write_scene(tmp_path / "scene.mp4")
    files = cut(scene, 21, 40)
    results = [
        run_camera(camera, RECIPE, networks(BrightDetector(), ColourEmbedder()), store, Progress(), with_crops=True)
        for camera in (Camera("gate", scene), joined(files))
    ]
    uncut, whole = (result.tracks for result in results)
    assert (whole.frame == uncut.frame).all()
    assert (whole.track == uncut.track).all()
    assert (whole.xyxy == uncut.xyxy).all()
    assert whole.seconds == pytest.approx(uncut.seconds)
    crops = [result.crops for result in results]
    assert all(crop is not None and crop.summary for crop in crops)


def test_nobody_is_followed_across_hours(tmp_path: Path, store: Store) -> None:
    files = cut(write_scene(tmp_path / "scene.mp4"), 30)
    camera = joined(files, 0.0, 3600.0)
    tracks = run_camera(camera, RECIPE, networks(BrightDetector(), ColourEmbedder()), store, Progress()).tracks
    before, after = (set(tracks.track[tracks.seconds < 100]), set(tracks.track[tracks.seconds > 100]))
    assert len(before) == len(after) == 2
    assert not before & after
    # No box is made up for the time between.
    assert not ((tracks.seconds > 2.95) & (tracks.seconds < 3600)).any()


def test_a_file_that_was_looked_at_is_not_looked_at_again(tmp_path: Path, store: Store) -> None:
    files = cut(write_scene(tmp_path / "scene.mp4"), 20, 40)

    def frames_and_crops(camera: Camera, fresh: bool = False) -> tuple[int, int]:
        detector, embedder = BrightDetector(), ColourEmbedder()
        run_camera(camera, RECIPE, networks(detector, embedder), store, Progress(), fresh=fresh)
        return detector.frames, embedder.crops

    assert frames_and_crops(joined(files[:2]))[0] == 40
    # One hour more.
    frames, crops = frames_and_crops(joined(files))
    assert frames == 20
    assert crops < frames_and_crops(joined(files), fresh=True)[1]
    # Alone, as a part of another camera, and later by some.
    assert frames_and_crops(Camera("door", files[1]))[0] == 0
    assert frames_and_crops(joined(files, 0.0, 60.0, 120.0))[0] == 0
    assert frames_and_crops(joined(files), fresh=True)[0] == 60


def test_a_stopped_run_goes_on_in_the_file_where_it_was(tmp_path: Path, store: Store) -> None:
    files = cut(write_scene(tmp_path / "scene.mp4"), 20, 40)
    with pytest.raises(KeyboardInterrupt):
        run_camera(joined(files), RECIPE, networks(BrightDetector(fails_at=30)), store, Progress())
    reports: list[Report] = []
    detector = BrightDetector()
    run_camera(joined(files), RECIPE, networks(detector), store, Progress(reports.append, every=0.0))
    assert detector.frames == 40
    counts = [report.done for report in reports if report.stage == "detect"]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1], {report.total for report in reports if report.stage == "detect"}) == (20, 60, {60})


def test_clips_of_one_name_are_recordings_of_one_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    first, second = cut(write_scene(tmp_path / "scene.mp4", frames=20), 10)
    later = first.rename(tmp_path / "a_20261120_150000.mkv")
    earlier = second.rename(tmp_path / "b_20261120_140000.mkv")
    other = write_scene(tmp_path / "other.mp4", frames=3)
    cameras = name_cameras([other], [f"gate={later}", f"gate={earlier}"])
    assert [(camera.name, camera.file_name) for camera in cameras] == [
        ("other", "other.mp4"),
        ("gate", "gate.recordings"),
    ]
    clip = probe(cameras[1].clip)
    assert [Path(recording.clip.path).name for recording in clip.recordings] == [earlier.name, later.name]
    assert clip.times[10] == 3600
    # In results each file is named with its content.
    recipe, working = RECIPE, networks(BrightDetector())
    writer = RecordWriter(tmp_path / "out", recipe, working, {})
    writer.add(run_camera(cameras[1], recipe, working, Store(tmp_path / "store"), Progress()))
    writer.close()
    record = read_record(tmp_path / "out").cameras["gate"]
    assert [(file.file, file.starts) for file in record.recordings] == [(earlier.name, 0.0), (later.name, 3600.0)]
    assert [file.digest for file in record.recordings] == [digest(earlier), digest(later)]


def test_boxes_are_in_pixels_of_the_first_file(tmp_path: Path, store: Store) -> None:
    scene = write_scene(tmp_path / "scene.mp4", frames=10)
    large = tmp_path / "large.mkv"
    with av.open(str(scene)) as container, av.open(str(large), "w") as target:
        stream = target.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number, frame in enumerate(container.decode(video=0)):
            doubled = av.VideoFrame.from_ndarray(
                np.kron(frame.to_ndarray(format="bgr24"), np.ones((2, 2, 1), np.uint8)), "bgr24"
            )
            doubled.pts, doubled.time_base = number, Fraction(1, 10)
            target.mux(stream.encode(doubled))
        target.mux(stream.encode(None))
    tracks = run_camera(
        joined([scene, large], 0.0, 100.0), RECIPE, networks(BrightDetector()), store, Progress()
    ).tracks
    first, second = tracks.xyxy[tracks.seconds < 50], tracks.xyxy[tracks.seconds > 50]
    assert first == pytest.approx(second, abs=2)


def test_decisions_hold_when_an_hour_is_added(tmp_path: Path, store: Store) -> None:
    files = cut(write_scene(tmp_path / "scene.mp4"), 20, 40)
    found = []
    for number in (2, 3):
        out, working = tmp_path / f"out{number}", networks(BrightDetector(), ColourEmbedder())
        result = run_camera(joined(files[:number]), RECIPE, working, store, Progress())
        writer = RecordWriter(out, RECIPE, working, {})
        writer.add(result)
        writer.close()
        write_parquet(out, {"gate": result.tracks})
        found.append(load_run_tracks(out))
    shorter, longer = found
    mapping = map_tracks(shorter, longer)
    keys = [TrackKey("gate", track) for track in np.unique(shorter.tracks["gate"].track).tolist()]
    assert [mapping.target_of(key) for key in keys] == [Applied(key) for key in keys]
    # And when it is taken away again.
    assert map_tracks(longer, shorter).target_of(keys[0]) == Applied(keys[0])


def test_somebody_who_was_deleted_is_left_out_of_every_file(tmp_path: Path, store: Store) -> None:
    camera = joined(cut(write_scene(tmp_path / "scene.mp4"), 21, 40))
    before = run_camera(camera, RECIPE, networks(BrightDetector(), ColourEmbedder()), store, Progress())
    assert before.clip is not None
    gone = before.tracks[before.tracks.track == 1]
    trail = write_trail(gone.seconds, gone.xyxy, before.clip.width, before.clip.height)
    regions, embedder = Regions(left_out=(trail,)), ColourEmbedder()
    after = run_camera(camera, RECIPE, networks(BrightDetector(), embedder), store, Progress(), regions)
    assert after.tracks.xyxy.tolist() == before.tracks[before.tracks.track != 1].xyxy.tolist()
    # No vector of anybody who was deleted is stored, of a single file neither.
    everybody = ColourEmbedder()
    run_camera(camera, RECIPE, networks(BrightDetector(), everybody), Store(tmp_path / "other"), Progress())
    assert 0 < embedder.crops < everybody.crops
