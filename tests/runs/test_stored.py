"""The boxes that a run has left: the ones used last, above a score, within a time; nothing where nobody has looked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import ClipError
from core.base.progress import Progress
from core.base.settings import DetectSettings, VideoSettings
from core.machine.artifacts import Store
from core.runs import (
    Camera,
    CameraRecord,
    Recipe,
    RecordWriter,
    check_layout,
    latest_boxes,
    read_boxes,
    read_record,
    run_camera,
)
from core.vision.video import make_proxy, plan, probe, read
from tests.runs.fakes import BrightDetector, figures, networks, write_scene
from tests.vision.video.making import packet_places

RECIPE = Recipe(video=VideoSettings(fps=0))


def test_boxes_are_those_of_the_run(tmp_path: Path) -> None:
    path, store = write_scene(tmp_path / "gate.mp4", 20), Store(tmp_path / "store")
    clip = probe(path)
    assert latest_boxes(store, clip) is None
    run_camera(Camera("gate", path), RECIPE, networks(BrightDetector()), store, Progress())
    artifact = latest_boxes(store, clip)
    assert artifact is not None
    everything = np.array([box for frame in range(20) for box in figures(frame)])
    assert np.abs(read_boxes(artifact, clip, 0.5) - everything).max() <= 2
    assert len(read_boxes(artifact, clip, 0.95)) == 0
    assert np.abs(read_boxes(artifact, clip, 0.5, 0.5, 1.0) - everything[10:20]).max() <= 2


def test_the_run_used_last_speaks(tmp_path: Path) -> None:
    path, store = write_scene(tmp_path / "gate.mp4", 20), Store(tmp_path / "store")
    clip = probe(path)
    other = replace(RECIPE, video=VideoSettings(fps=5), detect=DetectSettings(size=320))
    for recipe, boxes in ((RECIPE, 40), (other, 20), (RECIPE, 40)):
        run_camera(Camera("gate", path), recipe, networks(BrightDetector()), store, Progress())
        artifact = latest_boxes(store, clip)
        assert artifact is not None and len(read_boxes(artifact, clip, 0.5)) == boxes


def test_a_run_that_was_stopped_is_not_counted(tmp_path: Path) -> None:
    path, store = write_scene(tmp_path / "gate.mp4", 20), Store(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        run_camera(Camera("gate", path), RECIPE, networks(BrightDetector(fails_at=5)), store, Progress())
    assert latest_boxes(store, probe(path)) is None


def test_two_recordings_in_one_file_are_searched_to_the_end_and_what_cannot_be_read_is_counted(tmp_path: Path) -> None:
    """The second recording begins between two key frames, so its pictures show nothing before the next one."""
    first, second = (write_scene(tmp_path / name, 40).read_bytes() for name in ("a.ts", "b.ts"))
    path = tmp_path / "gate.ts"
    path.write_bytes(first + second + second[packet_places(tmp_path / "b.ts")[3] :])
    store, recipe, working = Store(tmp_path / "store"), RECIPE, networks(BrightDetector())
    record = RecordWriter(tmp_path / "out", recipe, working, {})
    record.add(run_camera(Camera("gate", path), recipe, working, store, Progress()))
    record.close()
    clip, camera = probe(path), read_record(tmp_path / "out").cameras["gate"]
    boxes = latest_boxes(store, clip)
    assert boxes is not None and clip.frames == 117
    assert (camera.analysed, camera.unreadable) == (117, 37)
    assert "37 of 117 frames cannot be decoded: nobody was looked for in them." in camera.notes
    everything = np.array([box for frame in [*range(40), *range(40)] for box in figures(frame)])
    assert np.abs(read_boxes(boxes, clip, 0.5) - everything).max() <= 2
    check_layout(clip, camera)


def test_boxes_lie_on_the_film_of_two_recordings_in_one_file(tmp_path: Path) -> None:
    """At the second of each box, the film for the browser shows a figure there."""
    path, store = tmp_path / "gate.ts", Store(tmp_path / "store")
    path.write_bytes(2 * write_scene(tmp_path / "a.ts", 30).read_bytes())
    result = run_camera(Camera("gate", path), RECIPE, networks(BrightDetector()), store, Progress())
    make_proxy(probe(path), tmp_path / "film.mp4")
    film = probe(tmp_path / "film.mp4")
    with read(film, plan(film, VideoSettings(fps=0))) as reader:
        pictures = {round(picture.seconds, 3): picture.bgr for picture in reader}
    detected = result.tracks[result.tracks.detected]
    assert len(detected) > 100 and detected.seconds.max() > 5.8
    for seconds, (x1, y1, x2, y2) in zip(detected.seconds.tolist(), detected.xyxy.round().astype(int), strict=True):
        picture = pictures[round(seconds, 3)].max(axis=2)
        assert picture[y1 + 3 : y2 - 3, x1 + 3 : x2 - 3].min() > 120
        assert picture[y1:y2, max(0, x1 - 6) : max(0, x1 - 3)].max(initial=0) < 120


def test_results_from_when_two_recordings_were_taken_for_one_are_not_used(tmp_path: Path) -> None:
    path, store = tmp_path / "gate.ts", Store(tmp_path / "store")
    path.write_bytes(2 * write_scene(tmp_path / "a.ts", 20).read_bytes())
    run_camera(Camera("gate", path), RECIPE, networks(BrightDetector()), store, Progress())
    clip = probe(path)
    as_before = replace(clip, parts=())
    assert latest_boxes(store, clip) is not None and latest_boxes(store, as_before) is None
    with pytest.raises(ClipError, match=r"took the recordings in gate\.ts for one\. Run it again"):
        check_layout(clip, CameraRecord(digest=clip.digest))
