"""The oracle: figures of the `trackeval` package on real clips, its own reading and filtering of the files included."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from core.base.types import Detections
from core.lab.evaluate import score_files
from core.vision.mot import MotRows, read_detections, read_mot
from tests.lab.evaluate.oracle import differences, theirs, write

pytestmark = [pytest.mark.oracle, pytest.mark.shared]

CLIPS = {
    "PETS": ("pets_s2l1/gt.txt", "pets_s2l1/det_frcnn.txt", 795),
    "TUD-Campus": ("mot/TUD-Campus/gt.txt", "mot/TUD-Campus/det.txt", 71),
    "MOT17-11": ("mot/MOT17-11/gt.txt", "mot/MOT17-11/det.txt", 900),
    "MOT17-13": ("mot/MOT17-13/gt.txt", "mot/MOT17-13/det.txt", 750),
}
WITH_CLASSES = ("MOT17-11", "MOT17-13")


def overlap(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    size = np.maximum(np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2]), 0).prod(axis=1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(axis=-1) for boxes in (one, others)]
    return size / (areas[0] + areas[1] - size)


def linked(detections: Detections) -> list[tuple[float, ...]]:
    """A tracker of the simplest kind: each box continues the nearest track of the frame before, or starts one."""
    lines, last, seen, fresh = [], np.empty((0, 5)), -1, 1
    for frame in np.unique(detections.frame):
        boxes = detections.xyxy[detections.frame == frame].astype(np.float64)
        open_tracks = last if frame - seen <= 2 else last[:0]
        rows = []
        for box in boxes:
            likeness = overlap(box, open_tracks[:, :4])
            if len(likeness) and likeness.max() > 0.3:
                rows.append((*box, open_tracks[likeness.argmax(), 4]))
                open_tracks = np.delete(open_tracks, likeness.argmax(), axis=0)
            else:
                rows.append((*box, fresh))
                fresh += 1
        last, seen = np.array(rows), frame
        lines += [(frame + 1, who, *box, 1.0) for *box, who in rows]
    return lines


def degraded(truth: MotRows, seed: int) -> list[tuple[float, ...]]:
    """The truth, shaken: boxes moved, dropped and invented, numbers changed now and then; no two alike in a frame."""
    chance = np.random.default_rng(seed)
    size = np.tile(truth.xyxy[:, 2:] - truth.xyxy[:, :2], 2)
    moved = truth.xyxy + chance.normal(0, 0.08, size.shape) * size
    who = truth.id * 10 + (truth.frame // 60 + chance.integers(0, 40, len(truth)) // 39) % 5
    kept = chance.random(len(truth)) > 0.15
    lines = [(truth.frame[i] + 1, who[i], *moved[i], 1.0) for i in np.flatnonzero(kept)]
    invented = [(frame + 1, 99_990 + frame % 3, 5.0, 5.0, 60.0, 160.0, 1.0) for frame in range(0, 60, 2)]
    return lines + invented


def lengths_of(names: list[str]) -> dict[str, int]:
    return {name: CLIPS[name][2] for name in names}


@pytest.fixture(scope="module")
def trackeval() -> ModuleType:
    return pytest.importorskip("trackeval", reason="needs trackeval, from requirements-dev.txt")


MAKERS = {
    "degraded": lambda truth, _: degraded(truth, seed=7),
    "linked": lambda _, detections: linked(detections),
    "itself": lambda truth, _: [
        (f + 1, who, *box, 1.0) for f, who, box in zip(truth.frame, truth.id, truth.xyxy, strict=True)
    ],
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("protocol", ["MOT15", "MOT17"])
def test_same_figures(maker: str, protocol: str, shared: Path, tmp_path: Path, trackeval: ModuleType) -> None:
    names = [name for name in CLIPS if (name in WITH_CLASSES) == (protocol == "MOT17")]
    for name in names:
        truth, detections, _ = (shared / "data" / part for part in map(str, CLIPS[name]))
        (tmp_path / "truth").mkdir(exist_ok=True)
        (tmp_path / "truth" / f"{name}.txt").write_bytes(truth.read_bytes())
        write(tmp_path / "result" / f"{name}.txt", MAKERS[maker](read_mot(truth), read_detections(detections)))
    ours = score_files(tmp_path / "truth", tmp_path / "result")
    oracle = theirs(trackeval, protocol, tmp_path / "truth", tmp_path / "result", lengths_of(names))
    assert set(ours) == set(oracle)
    wrong = [line for name in oracle for line in differences(name, ours[name], oracle[name])]
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_comparison_can_fail(shared: Path, tmp_path: Path, trackeval: ModuleType) -> None:
    """The table above names every field that differs: here, those of one clip against those of another."""
    path = shared / "data" / CLIPS["TUD-Campus"][0]
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "TUD-Campus.txt").write_bytes(path.read_bytes())
    write(tmp_path / "result" / "TUD-Campus.txt", degraded(read_mot(path), seed=1))
    oracle = theirs(trackeval, "MOT15", tmp_path / "truth", tmp_path / "result", lengths_of(["TUD-Campus"]))
    write(tmp_path / "result" / "TUD-Campus.txt", degraded(read_mot(path), seed=2)[:-40])
    ours = score_files(tmp_path / "truth", tmp_path / "result")["TUD-Campus"]
    fields = [line.split()[1] for line in differences("TUD-Campus", ours, oracle["TUD-Campus"])]
    assert {"HOTA", "MOTA", "IDF1", "LocA", "FN"} <= set(fields)
