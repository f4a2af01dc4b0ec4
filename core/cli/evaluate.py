"""`evaluate tracks`, `people`, `reid` and `detector`: compares results and models with ground truth."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.types import Ints
from core.cli.progress import listener
from core.cli.renamed_flags import add_former_flag
from core.lab.evaluate import people_table, score_files, score_run, score_table
from core.machine.device import parse_backend
from core.runs import analysed_frames, read_record
from core.vision.embed import open_embedder
from core.vision.models import find


def add_arguments(p: argparse.ArgumentParser) -> None:
    kinds = p.add_subparsers(dest="kind", required=True, metavar="WHAT")
    tracks = kinds.add_parser("tracks", help="tracks of one camera at a time")
    tracks.add_argument(
        "--truth",
        type=Path,
        required=True,
        metavar="GT",
        help="ground truth: MOT text, or a folder with a file per camera",
    )
    tracks.add_argument(
        "--result",
        type=Path,
        required=True,
        metavar="TRACKS",
        help="MOT text, a folder with a file per camera, or the folder of a run; then only analysed frames count",
    )
    tracks.add_argument(
        "--scale", type=float, default=1.0, help="factor from pixels of the ground truth to pixels of the result (1)"
    )
    max_absence = tracks.add_argument(
        "--max-absence",
        type=int,
        metavar="FRAMES",
        help="count a person as new after an absence of more frames than this from the ground truth (never)",
    )
    add_former_flag(tracks, "--away", max_absence)
    _add_table_flags(tracks)
    tracks.set_defaults(run=run)
    people = kinds.add_parser("people", help="people across cameras")
    people.add_argument(
        "--truth",
        type=Path,
        required=True,
        metavar="DIR",
        help="ground truth: MOT text per camera; an id is the same person in all",
    )
    people.add_argument(
        "--result",
        type=Path,
        required=True,
        metavar="RUN",
        help="folder with tracks/ and people.csv; of a run, only analysed frames count",
    )
    _add_table_flags(people)
    people.set_defaults(run=run_people)
    reid = kinds.add_parser("reid", help="an embedder on crops of named people: rank-k and mAP")
    reid.add_argument("crops", type=Path, metavar="DIR", help="Market-1501 layout, or a folder per person")
    reid.add_argument("--features", required=True, metavar="NAME", help="embedder: name or file")
    reid.add_argument(
        "--gallery",
        type=Path,
        metavar="DIR",
        help="take the crops of DIR as queries and those of this folder as the gallery",
    )
    holdout = reid.add_argument("--holdout", type=int, default=0, metavar="N", help="evaluate only the last N people")
    add_former_flag(reid, "--aside", holdout)
    reid.add_argument("--flip", action="store_true", help="average each vector with that of the mirrored crop")
    reid.add_argument(
        "--pictures", type=Path, metavar="OUT", help="draw failures, distances and an appearance map into this folder"
    )
    reid.add_argument("--device", default="auto", help="auto, openvino (or cpu), torch, cuda")
    reid.add_argument("--json", action="store_true", help="print JSON instead of text")
    reid.set_defaults(run=run_reid)
    detector = kinds.add_parser("detector", help="a detector on a YOLO data set: average precision at IoU 0.5")
    detector.add_argument("pictures", type=Path, metavar="IMAGES", help="folder of pictures; labels/ beside images/")
    detector.add_argument("--weights", required=True, metavar="NAME", help="detector: name or file")
    detector.add_argument("--size", type=int, default=640, help="detector input size: long side in pixels (640)")
    detector.add_argument("--device", default="auto", help="auto, openvino (or cpu), torch, cuda")
    detector.add_argument("--json", action="store_true", help="print JSON instead of text")
    detector.add_argument(
        "--failures", type=Path, metavar="PNG", help="draw missed people and false detections into this file"
    )
    detector.set_defaults(run=run_detector)


def _add_table_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--visible",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="ignore people who, by the ground truth, are less visible than this share (0)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def _analysed_frames(options: argparse.Namespace) -> dict[str, Ints] | None:
    """The frames that the run in --result analysed; None where --result is no run. Also checks --visible."""
    if not 0 <= options.visible <= 1:
        raise SettingsError(
            "--visible is a share from 0 to 1", "Give 0.1 for a tenth of a person, or leave --visible out."
        )
    if not (options.result / "run.json").is_file():
        return None
    if read_record(options.result).state != "done":
        raise SettingsError(
            f"the run in {options.result} is not done", "Start it again; it continues where it stopped."
        )
    return analysed_frames(options.result)


def run(options: argparse.Namespace) -> int:
    if options.max_absence is not None and options.max_absence < 0:
        raise SettingsError("--max-absence counts frames", "Give 0 or more, or leave --max-absence out.")
    frames = _analysed_frames(options)
    result = options.result if frames is None else options.result / "tracks"
    scores = score_files(options.truth, result, options.scale, frames, options.max_absence, options.visible)
    if options.json:
        sys.stdout.write(json.dumps({name: s.as_dict() for name, s in scores.items()}, indent=1) + "\n")
    else:
        sys.stdout.write(score_table(scores) + "\n")
    return 0


def run_people(options: argparse.Namespace) -> int:
    scores = score_run(options.truth, options.result, _analysed_frames(options), options.visible)
    text = json.dumps(scores.as_dict(), indent=1) if options.json else people_table(scores)
    sys.stdout.write(text + "\n")
    return 0


def run_reid(options: argparse.Namespace) -> int:
    from core.lab.training import evaluate_embedder, evaluate_query_gallery, save_plots

    if options.gallery and (options.pictures or options.holdout):
        raise SettingsError("--pictures and --holdout need one folder", "Leave --gallery out.")
    embedder = open_embedder(find(options.features, "embedder"), parse_backend(options.device), options.flip)
    progress = Progress(listener("none" if options.json else "auto"))
    if options.gallery:
        ranking = evaluate_query_gallery(options.crops, options.gallery, embedder, progress)
    else:
        evaluation = evaluate_embedder(options.crops, embedder, options.holdout, progress)
        ranking = evaluation.ranking
        if options.pictures:
            save_plots(evaluation, options.pictures)
    figures = {"by": embedder.backend, "queries": ranking.queries, **ranking.figures()}
    shares = "  ".join(f"{name} {100 * share:.1f} %" for name, share in ranking.figures().items())
    sys.stdout.write(
        json.dumps(figures) + "\n" if options.json else f"{ranking.queries} queries  {shares}  {embedder.backend}\n"
    )
    return 0


def run_detector(options: argparse.Namespace) -> int:
    from core.base.settings import DetectSettings
    from core.lab.training import Failures, judge_detector, save_picture
    from core.vision.detect import open_detector

    detector = open_detector(
        find(options.weights, "detector"), DetectSettings(size=options.size), parse_backend(options.device)
    )
    failures = Failures() if options.failures else None
    progress = Progress(listener("none" if options.json else "auto"))
    figures = judge_detector(options.pictures, detector, progress, failures)
    if failures:
        save_picture(options.failures, failures.sheet())
    about = {"by": detector.description, "size": options.size, **figures}
    summary = f"AP50 {figures['ap50']:.3f}  {figures['pictures']:.0f} pictures  {figures['boxes']:.0f} people"
    sys.stdout.write(
        json.dumps(about) + "\n" if options.json else f"{summary}  {detector.description}, {options.size} px\n"
    )
    return 0
