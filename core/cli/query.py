"""`query DIR PHOTO`: ranks the people of a finished run by similarity to each person in a photo."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.base.errors import SettingsError
from core.base.settings import DetectSettings
from core.base.text import CANDIDATES, Clocks, one_line, person_name
from core.cli.renamed_flags import add_former_flag
from core.cli.run import add_blurring, parse_reason
from core.export import LineupRow, draw_lineup, find_heads, head_model, time_label
from core.lab.evaluate import align_columns
from core.machine.device import parse_backend
from core.machine.paths import write_atomically
from core.runs import (
    Answer,
    Candidate,
    ModelRecord,
    Photo,
    Recipe,
    RunPeople,
    RunRecord,
    find_people,
    find_run_model,
    load_people,
    moment_cells,
    rank_candidates,
    read_photo,
    read_record,
)
from core.vision.detect import Detector, open_detector
from core.vision.embed import open_embedder
from core.vision.models import DETECTOR, find
from core.vision.video import jpeg

MAX_OVERLAP = 0.5
"""IoU above which two boxes in a photo are one person; a photo has no tracks that could tell later."""
NOTE = f"{CANDIDATES.removesuffix('.')}: compare the pictures."
SHEET = {".jpg", ".jpeg"}
SHEET_QUALITY = 88
MAX_PEOPLE = 20
"""Most people of a photo on one sheet."""


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("out", type=Path, metavar="DIR", help="the folder of a run")
    p.add_argument("photo", type=Path, metavar="PHOTO", help="a picture of one or several people")
    p.add_argument("--top", type=int, default=10, metavar="N", help="how many people of the run to list (10)")
    p.add_argument("--person", type=int, metavar="N", help="only the Nth person of the photo, from the left")
    whole_picture = p.add_argument(
        "--whole-picture", action="store_true", help="detect nobody: the picture shows one person"
    )
    add_former_flag(p, "--whole", whole_picture)
    p.add_argument(
        "--sheet", type=Path, metavar="FILE.jpg", help="draw each person of the photo beside the people listed"
    )
    add_blurring(p)
    p.add_argument(
        "--features", default="", metavar="FILE", help="file of the run's embedder, if it is not a named model"
    )
    p.add_argument("--weights", default="", metavar="NAME", help="use this detector instead of the run's: name or file")
    p.add_argument("--device", default="auto", help="auto, openvino (or cpu), torch, cuda")
    p.add_argument("--json", action="store_true", help="print JSON instead of a table")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Rank the people for each person of the photo, and print or draw the result."""
    _check_flags(options)
    bgr, record, people = read_photo(options.photo), read_record(options.out), load_people(options.out)
    if not len(people.evidence.tracklets):
        raise SettingsError(
            f"nobody was ranked_by_number in the run in {options.out}", "Choose a run with people in it."
        )
    embedder = open_embedder(
        find_run_model(record.models, "embedder", options.features), parse_backend(options.device), flip=True
    )
    detector = None if options.whole_picture else _detector(record, options)
    conf = (record.settings or Recipe()).track.conf
    photo = find_people(bgr, detector, conf)
    numbers = _chosen_people(options, photo)
    vectors = embedder.embed([photo.crops[number - 1] for number in numbers])
    ranked = [rank_candidates(vector, people, options.out, options.top) for vector in vectors]
    if options.sheet and not options.no_blur:
        ranked = [_with_heads(candidates, people, options.out) for candidates in ranked]
    ranked_by_number = dict(zip(numbers, ranked, strict=True))
    description = detector.description if detector else ""
    clocks = people.gallery.clocks
    answer = Answer(photo, ranked_by_number, people.threshold, embedder.backend, description, clocks)
    if options.sheet:
        _draw(options, answer)
    text = json.dumps(_facts(options, answer), indent=1) if options.json else _table_text(options, answer)
    sys.stdout.write(text + "\n")
    return 0


def _with_heads(candidates: Sequence[Candidate], people: RunPeople, out: Path) -> list[Candidate]:
    """The candidates with the heads in their crops known."""
    crops = find_heads([(each.camera, each.track, each.crop) for each in candidates], people.evidence, out)
    return [replace(each, crop=crop) for each, crop in zip(candidates, crops, strict=True)]


def _check_flags(options: argparse.Namespace) -> None:
    if options.top < 1:
        raise SettingsError(f"--top is {options.top}", "Give 1 or more.")
    parse_reason(options)
    if options.no_blur and not options.sheet:
        raise SettingsError("--no-blur needs --sheet", "Name a sheet with --sheet, or leave --no-blur out.")
    if options.whole_picture and options.weights:
        raise SettingsError("--whole-picture detects nobody, so --weights has no effect", "Leave out one of them.")
    if options.sheet and options.sheet.suffix.lower() not in SHEET:
        raise SettingsError(f"--sheet {options.sheet} is no JPEG file", "Give it a name that ends in .jpg.")
    if options.sheet and options.sheet.resolve() == options.photo.resolve():
        raise SettingsError("--sheet would overwrite the photo", "Name another file.")


def _detector(record: RunRecord, options: argparse.Namespace) -> Detector:
    """The detector of the run, unless --weights names one; a run of crops had none."""
    from_run = isinstance(record.models.get("detector"), ModelRecord) and not options.weights
    model = find_run_model(record.models, "detector") if from_run else find(options.weights or DETECTOR, "detector")
    size = (record.settings or Recipe()).detect.size
    return open_detector(model, DetectSettings(size=size, nms_iou=MAX_OVERLAP), parse_backend(options.device))


def _chosen_people(options: argparse.Namespace, photo: Photo) -> list[int]:
    """The people of the photo to search for, numbered from 1 at the left."""
    count = len(photo.xyxy)
    if options.person is not None and not 1 <= options.person <= count:
        shown = "1 person" if count == 1 else f"{count} people"
        raise SettingsError(f"--person is {options.person}, and the photo shows {shown}", f"Give 1 to {count}.")
    if options.sheet and options.person is None and count > MAX_PEOPLE:
        raise SettingsError(
            f"a sheet has room for {MAX_PEOPLE} people, and the photo shows {count}", "Choose one with --person."
        )
    return list(range(1, count + 1)) if options.person is None else [options.person]


def _table_text(options: argparse.Namespace, answer: Answer) -> str:
    lines = [f"{options.photo.name}: {_detection_text(answer)}"]
    for number, ranked in answer.found.items():
        if not answer.photo.is_whole:
            left, top, right, bottom = (round(side) for side in answer.photo.xyxy[number - 1].tolist())
            lines += ["", f"person {number}, from {left},{top} to {right},{bottom}"]
        times = ("when", "of the clip") if answer.clocks else ("when",)
        head = ("rank", "person", "similarity", "best", "alike", "camera", *times, "crop")
        rows = (_row(place, candidate, options.out, answer.clocks) for place, candidate in enumerate(ranked, 1))
        lines.append(align_columns([head, *rows]))
    return "\n".join([*lines, "", f"alike: {answer.threshold:.2f} or more, as in the run. {NOTE}"])


def _detection_text(answer: Answer) -> str:
    if not answer.detector:
        return "the whole picture is taken as one person, as requested"
    if answer.photo.is_whole:
        return f"nobody was found by {answer.detector}; the whole picture is taken as one person"
    count = len(answer.photo.xyxy)
    return f"{'1 person' if count == 1 else f'{count} people, counted from the left'}, by {answer.detector}"


def _row(place: int, candidate: Candidate, out: Path, clocks: Clocks) -> tuple[str, ...]:
    alike = "yes" if candidate.above_threshold else "no"
    figures = (f"{candidate.similarity:.3f}", f"{candidate.best:.3f}")
    return (
        str(place),
        person_name(candidate.person),
        *figures,
        alike,
        candidate.camera,
        time_label(candidate.crop, candidate.camera, clocks),
        *([time_label(candidate.crop)] if clocks else []),
        _file(candidate, out),
    )


def _file(candidate: Candidate, out: Path) -> str:
    return candidate.crop.jpeg.relative_to(out).as_posix() if isinstance(candidate.crop.jpeg, Path) else ""


def _facts(options: argparse.Namespace, answer: Answer) -> dict[str, Any]:
    height, width = answer.photo.bgr.shape[:2]
    sha256 = hashlib.sha256(options.photo.read_bytes()).hexdigest()
    return {
        "note": NOTE,
        "photo": {"file": options.photo.name, "sha256": sha256, "width": width, "height": height},
        **({"heads_shown_because": one_line(options.reason)} if options.no_blur else {}),
        **({"head_model": head_model()} if options.sheet and not options.no_blur else {}),
        "embedder": answer.embedder,
        "detector": answer.detector or None,
        "whole": answer.photo.is_whole,
        "threshold": answer.threshold,
        "people": [
            {
                "number": number,
                "xyxy": [round(side, 1) for side in answer.photo.xyxy[number - 1].tolist()],
                "ranked": [
                    _fact(place, candidate, options.out, answer.clocks) for place, candidate in enumerate(ranked, 1)
                ],
            }
            for number, ranked in answer.found.items()
        ],
    }


def _fact(place: int, candidate: Candidate, out: Path, clocks: Clocks) -> dict[str, Any]:
    has_time = not math.isnan(candidate.crop.seconds)
    return {
        "rank": place,
        "person": person_name(candidate.person),
        "similarity": round(candidate.similarity, 4),
        "best": round(candidate.best, 4),
        "alike": candidate.above_threshold,
        "camera": candidate.camera,
        "track": candidate.track,
        "seconds": round(candidate.crop.seconds, 3) if has_time else None,
        **moment_cells(clocks, candidate.camera, candidate.crop.seconds),
        "frame" if has_time else "picture": candidate.crop.frame,
        "crop": _file(candidate, out),
    }


def _draw(options: argparse.Namespace, answer: Answer) -> None:
    photo = answer.photo
    asked = [
        LineupRow("in the photo" if photo.is_whole else f"person {number}", photo.crops[number - 1], ranked)
        for number, ranked in answer.found.items()
    ]
    shown = f" (faces are shown: {one_line(options.reason)})" if options.no_blur else ""
    title = f"Who looks like {options.photo.name}{shown}"
    page = draw_lineup(asked, title, answer.threshold, not options.no_blur, answer.clocks)
    write_atomically(options.sheet, jpeg(page, SHEET_QUALITY))
