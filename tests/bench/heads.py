"""How well heads are covered in films of drawn plazas, whose truth knows where every head is.

A head counts as visible from a quarter of it on, and as covered where nine tenths of what is seen of it lie under the
blur; the head is taken for the ellipse in its box. Every frame of the film counts, analysed or not. The covered area is
that of all blurred pixels, and the heads' area that of the boxes of all heads in the picture. The blur's soft edge,
which lies outside of the areas, is not counted.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.base.types import Floats, Timeline
from core.export import CameraHeads
from core.lab.synthetic import HeadRows, SampleSettings, head_rows, scene_of
from core.machine.artifacts import Store
from core.runs import load_detections, load_timelines, load_tracks, read_record
from core.vision.heads import open_head_finder
from core.vision.mot import Doubles
from core.vision.video import probe
from tests.bench.checkout import Checkout, Figures

VISIBLE, COVERED = 0.25, 0.9
HEAD_SEEDS = range(3)


@dataclass
class Covering:
    """What was counted: visible heads, those that were uncovered, those of them in no frame in doubt, frames, frames in
    doubt, and pixels of covered areas and of heads."""

    heads: int = 0
    uncovered: int = 0
    unnoticed: int = 0
    frames: int = 0
    in_doubt: int = 0
    covered_px: int = 0
    heads_px: float = 0.0
    places: list[str] = field(default_factory=list)

    def figures(self, name: str) -> Figures:
        return {
            f"{name}/visible heads": self.heads,
            f"{name}/uncovered": self.uncovered / max(self.heads, 1),
            f"{name}/uncovered and not in doubt": self.unnoticed / max(self.heads, 1),
            f"{name}/frames in doubt": self.in_doubt / max(self.frames, 1),
            f"{name}/covered area by heads": self.covered_px / max(self.heads_px, 1),
        }

    def add(self, other: "Covering") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def heads(checkout: Checkout, plaza_of: Iterable[tuple[int, Path]]) -> Iterator[Figures]:
    """The covering of heads in each drawn plaza (seed and folder), and in all of them together."""
    total = Covering()
    for seed, plaza in plaza_of:
        out, found = checkout.out(f"heads{seed}"), Covering()
        checkout.core("run", *sorted(plaza.glob("*.mp4")), "--out", out, "--no-zip", "--progress", "none")
        settings = SampleSettings(seed=seed)
        for number, view in enumerate(scene_of(settings).views):
            found.add(measure_run(out, view.name, head_rows(settings, number), Store(checkout.store)))
        total.add(found)
        yield {**found.figures(f"heads/plaza{seed}"), **total.figures("heads/all")}


def measure_run(out: Path, camera: str, truth: HeadRows, store: Store) -> Covering:
    """The covering of one camera of a run, whose stored boxes are in `store`."""
    record, analysed = read_record(out).cameras[camera], load_timelines(out)[camera]
    artifact = store.find(record.digest, record.stages["detect"].artifact or "")
    detections = None if artifact is None else load_detections(artifact, analysed)[0]
    clip = probe(Path(record.clip))
    first, last = analysed.frame[[0, -1]]
    film = Timeline(np.arange(first, last + 1), clip.times[first : last + 1])
    size = (clip.width, clip.height)
    heads = CameraHeads(load_tracks(out, camera), detections, analysed, film, size, finder=open_head_finder())
    heads.look_through(clip)
    return measure(heads, film, truth, size)


def measure(covered: CameraHeads, film: Timeline, truth: HeadRows, size: tuple[int, int]) -> Covering:
    """What is covered in every picture of a film, against the truth."""
    found = Covering()
    for row, frame in enumerate(film.frame.tolist()):
        picture = covered.at(row)
        mask = covered_pixels(picture.areas, *size)
        seen = truth[truth.frame == frame]
        found.frames += 1
        found.in_doubt += bool(picture.doubt)
        found.covered_px += int(mask.sum())
        found.heads_px += float((seen.xyxy[:, 2:] - seen.xyxy[:, :2]).prod(axis=1).sum())
        for person, box in zip(seen.id[seen.visible >= VISIBLE], seen.xyxy[seen.visible >= VISIBLE], strict=True):
            found.heads += 1
            if _share_covered(mask, box) < COVERED:
                found.uncovered += 1
                found.unnoticed += not picture.doubt
                found.places.append(f"frame {frame}, person {person}, {box.astype(int).tolist()}, {picture.doubt}")
    return found


def covered_pixels(areas: Floats, width: int, height: int) -> np.ndarray:
    """A mask of the pixels that are covered."""
    mask = np.zeros((height, width), bool)
    for x1, y1, x2, y2 in np.clip(np.rint(areas), 0, None).astype(int).tolist():
        mask[y1:y2, x1:x2] = True
    return mask


def _share_covered(mask: np.ndarray, box: Doubles) -> float:
    """The share of the ellipse in `box` that is covered."""
    x1, y1, x2, y2 = box.astype(int).tolist()
    rows, columns = np.mgrid[y1:y2, x1:x2] + 0.5
    inside = np.hypot((rows - (y1 + y2) / 2) / ((y2 - y1) / 2), (columns - (x1 + x2) / 2) / ((x2 - x1) / 2)) <= 1
    return float(mask[y1:y2, x1:x2][inside].mean()) if inside.any() else 1.0
