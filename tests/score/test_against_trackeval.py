"""The oracle: figures of the `trackeval` package on real clips, its own reading and filtering of the files included."""

import contextlib
import io
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from core.mot import MotRows, read_detections, read_mot
from core.score import Scores, score_files
from core.types import Detections

pytestmark = [pytest.mark.oracle, pytest.mark.shared]

CLIPS = {
    "PETS": ("pets_s2l1/gt.txt", "pets_s2l1/det_frcnn.txt", 795),
    "TUD-Campus": ("mot/TUD-Campus/gt.txt", "mot/TUD-Campus/det.txt", 71),
    "MOT17-11": ("mot/MOT17-11/gt.txt", "mot/MOT17-11/det.txt", 900),
    "MOT17-13": ("mot/MOT17-13/gt.txt", "mot/MOT17-13/det.txt", 750),
}
WITH_CLASSES = ("MOT17-11", "MOT17-13")
INTEGERS = {
    "TP": "CLR_TP",
    "FP": "CLR_FP",
    "FN": "CLR_FN",
    "IDTP": "IDTP",
    "IDFP": "IDFP",
    "IDFN": "IDFN",
    "IDSW": "IDSW",
    "Frag": "Frag",
    "MT": "MT",
    "PT": "PT",
    "ML": "ML",
}
FLOATS = {"MOTA": "MOTA", "MOTP": "MOTP", "Recall": "CLR_Re", "Precision": "CLR_Pr"} | {
    name: name for name in ("IDF1", "IDP", "IDR", "HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA")
}


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


def write(path: Path, lines: list[tuple[float, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(
            f"{int(frame)},{int(who)},{left:.3f},{top:.3f},{abs(right - left):.3f},{abs(bottom - top):.3f},{conf}\n"
            for frame, who, left, top, right, bottom, conf in lines
        )
    )


@pytest.fixture(scope="module")
def trackeval() -> ModuleType:
    return pytest.importorskip("trackeval", reason="needs trackeval, from requirements-dev.txt")


def theirs(trackeval: ModuleType, benchmark: str, truth: Path, result: Path, names: list[str]) -> dict[str, dict]:
    """Figures by clip and together, as the package's own evaluation reads, filters, measures and combines them."""
    lengths = {name: CLIPS[name][2] for name in names}
    with contextlib.redirect_stdout(io.StringIO()):
        data = trackeval.datasets.MotChallenge2DBox(
            {
                "GT_FOLDER": str(truth),
                "TRACKERS_FOLDER": str(result.parent),
                "TRACKERS_TO_EVAL": [result.name],
                "TRACKER_SUB_FOLDER": "",
                "BENCHMARK": benchmark,
                "SEQ_INFO": lengths,
                "GT_LOC_FORMAT": "{gt_folder}/{seq}.txt",
                "SKIP_SPLIT_FOL": True,
                "PRINT_CONFIG": False,
            }
        )
        quiet = {"PRINT_CONFIG": False}
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)]
        clips = {
            name: data.get_preprocessed_seq_data(data.get_raw_seq_data(result.name, name), "pedestrian")
            for name in names
        }
        figures: dict[str, dict] = {name: {} for name in [*names, "together"]}
        for metric in metrics:
            parts = {name: metric.eval_sequence(clip) for name, clip in clips.items()}
            for name, part in {**parts, "together": metric.combine_sequences(parts)}.items():
                figures[name] |= part
    return figures


def differences(name: str, ours: Scores, oracle: dict) -> list[str]:
    figures = ours.as_dict()
    wrong = []
    for field, known_as in INTEGERS.items():
        if figures[field] != int(oracle[known_as]):
            wrong.append((field, figures[field], int(oracle[known_as])))
    for field, known_as in FLOATS.items():
        expected = float(np.mean(oracle[known_as]))
        if abs(figures[field] - expected) > 1e-6:
            wrong.append((field, figures[field], expected))
    return [f"{name:12} {field:10} ours {mine:<22} trackeval {other}" for field, mine, other in wrong]


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
    oracle = theirs(trackeval, protocol, tmp_path / "truth", tmp_path / "result", names)
    assert set(ours) == set(oracle)
    wrong = [line for name in oracle for line in differences(name, ours[name], oracle[name])]
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_comparison_can_fail(shared: Path, tmp_path: Path, trackeval: ModuleType) -> None:
    """The table above names every field that differs: here, those of one clip against those of another."""
    path = shared / "data" / CLIPS["TUD-Campus"][0]
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "TUD-Campus.txt").write_bytes(path.read_bytes())
    write(tmp_path / "result" / "TUD-Campus.txt", degraded(read_mot(path), seed=1))
    oracle = theirs(trackeval, "MOT15", tmp_path / "truth", tmp_path / "result", ["TUD-Campus"])
    write(tmp_path / "result" / "TUD-Campus.txt", degraded(read_mot(path), seed=2)[:-40])
    ours = score_files(tmp_path / "truth", tmp_path / "result")["TUD-Campus"]
    fields = [line.split()[1] for line in differences("TUD-Campus", ours, oracle["TUD-Campus"])]
    assert {"HOTA", "MOTA", "IDF1", "LocA", "FN"} <= set(fields)
