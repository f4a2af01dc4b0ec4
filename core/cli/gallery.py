"""`gallery DIR`: who is who in a run that is done, at another threshold or with other decisions; no network is run.

`gallery --check ZIP`: whether an export is still as it was written. `gallery --from-crops FOLDER FOLDER --out DIR`: the
same from crops that somebody brings. `gallery DIR --market FOLDER`: its crops as a data set. `gallery DIR --to FOLDER`:
all of it, or with `--what` one part, in another folder, so that what lies in DIR stays as it is."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.cli.progress import listener
from core.cli.run import add_matching, parse_choice, parse_export, is_given, write_results
from core.export import ChangedError, require_empty, verify_zip, with_reason, write_films, write_market
from core.machine.device import parse_backend
from core.machine.paths import write_atomically
from core.runs import (
    GALLERY_FILE,
    Choice,
    Evidence,
    MatchedPeople,
    about_people,
    build_gallery,
    decide,
    import_crops,
    list_folders,
    load_evidence,
    load_people,
    match_people,
    read_record,
    run_prior,
)
from core.vision.embed import open_embedder
from core.vision.models import EMBEDDER, EmbedderPrior, find

MATCHING_FLAGS = ("cos", "links", "names", "travel", "ignore_positions", "no_blur", "purpose")
CROPS_FLAGS = ("out", "features", "device")
WHAT = ("gallery", "crops", "films")
CROPS, SUMS = "crops.zip", "SHA256SUMS"


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("done", nargs="?", type=Path, metavar="DIR", help="the folder of a run")
    p.add_argument("--check", type=Path, metavar="ZIP", help="check whether this gallery.zip is unchanged")
    p.add_argument("--market", type=Path, metavar="FOLDER", help="write the crops there, named as in Market-1501")
    p.add_argument("--to", type=Path, metavar="FOLDER", help="write to this folder and leave DIR unchanged")
    p.add_argument(
        "--what",
        choices=WHAT,
        help="with --to: gallery (zip, tables and the sha256 of the zip), crops (Market-1501, in crops.zip), "
        "films (each camera's clip with the people drawn in)",
    )
    p.add_argument(
        "--clip",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="with --what films: the new place of a clip of the run that was moved; once for each",
    )
    p.add_argument(
        "--from-crops",
        nargs="+",
        type=Path,
        default=[],
        metavar="FOLDER",
        help="start from crops instead of a run: a folder per camera, with pictures or a folder per person",
    )
    p.add_argument("--out", type=Path, metavar="DIR", help="where the results of --from-crops go")
    p.add_argument("--features", metavar="NAME", help=f"embedder for --from-crops: name or file ({EMBEDDER})")
    p.add_argument("--device", help="what --from-crops runs on: auto, openvino (or cpu), torch, cuda")
    add_matching(p)
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.check:
        return check(options.check)
    _require_sense(options)
    progress, status = Progress(listener(options.progress)), 0
    if options.to:
        return export_to(options, progress)
    if options.market:
        require_empty(options.market)
    if options.from_crops:
        status = _from_crops(options, progress)
    elif not options.market or any(map(is_given, (getattr(options, name) for name in MATCHING_FLAGS))):
        _rematch(options, progress)
    if options.market:
        gallery = load_people(options.out if options.from_crops else options.done).gallery
        crops = write_market(gallery, options.market, progress)
        sys.stdout.write(f"{crops} crops of {len(gallery.by_person())} people are in {options.market}\n")
    return status


def _require_sense(options: argparse.Namespace) -> None:
    """`SettingsError` for flags that would have no effect, or that say two things at once."""
    crops = [f"--{name}" for name in CROPS_FLAGS if getattr(options, name) is not None]
    if options.from_crops and (options.done or not options.out):
        wrong = f"{options.done} is named beside --from-crops" if options.done else "--from-crops needs an --out folder"
        raise SettingsError(wrong, "Write: gallery --from-crops FOLDER FOLDER --out DIR.")
    if crops and not options.from_crops:
        raise SettingsError(f"{', '.join(crops)}: only --from-crops has a use for that", "Leave it out.")
    if options.from_crops and options.travel:
        raise SettingsError("crops come without times, and --travel is about times", "Leave it out.")
    if options.what and not options.to:
        raise SettingsError("--what is about --to", "Name a folder with --to, or leave it out.")
    if options.clip and options.what != "films":
        raise SettingsError("--clip is about --what films", "Leave it out.")
    if options.to and (options.from_crops or options.market):
        raise SettingsError("--to is for a run that is done", "Write: gallery DIR --to FOLDER --what crops.")
    if not (options.done or options.from_crops):
        raise SettingsError("no run was named", "Name the folder of one: gallery DIR.")


def _rematch(options: argparse.Namespace, progress: Progress) -> None:
    evidence, out, known, choice = _load_run(options)
    export = parse_export(options, options.to)
    write_results(decide(evidence, out, known, choice), out, choice, export, progress)


def _load_run(options: argparse.Namespace) -> tuple[Evidence, Path, EmbedderPrior | None, Choice]:
    """What is known of a run that is done, its folder, and what the flags say of it."""
    evidence, record = load_evidence(options.done), read_record(options.done)
    return evidence, options.done, run_prior(record), parse_choice(options, record["cameras"])


def export_to(options: argparse.Namespace, progress: Progress) -> int:
    """One part of what can be handed out, below --to; what is there is whole once SHA256SUMS is."""
    (options.to / SUMS).unlink(missing_ok=True)
    sums = [f"{_sha256(path)}  {path.name}\n" for path in _write_part(options, progress)]
    write_atomically(options.to / SUMS, "".join(sums).encode())
    sys.stdout.write(f"sha256, to be kept elsewhere:\n{''.join(sums)}")
    return 0


def _write_part(options: argparse.Namespace, progress: Progress) -> Iterator[Path]:
    """The files that are handed out, as they are made."""
    to, what = options.to, options.what or "gallery"
    if what == "gallery":
        _rematch(options, progress)
        yield to / GALLERY_FILE
        return
    said = evidence, out, known, choice = _load_run(options)
    export = parse_export(options, to)
    parts, found = match_people(*said)
    if what == "films":
        yield from write_films(parts, found.people().person, out, to, export.blur, progress, options.clip)
        return
    gallery = build_gallery(parts, found, out, about_people(evidence, out, known, choice), choice.names)
    people = with_reason(MatchedPeople(parts, found, gallery), export.reason)
    write_market(people.gallery, to / CROPS, progress)
    yield to / CROPS


def _from_crops(options: argparse.Namespace, progress: Progress) -> int:
    """The exit status: 1 where a picture could not be read."""
    brought = list_folders(options.from_crops, options.out)
    choice, export = parse_choice(options, [files[0].camera.name for files in brought]), parse_export(options)
    model = find(options.features or EMBEDDER, "embedder")
    embedder = open_embedder(model, parse_backend(options.device or "auto"), flip=True)
    evidence, told = import_crops(brought, model, embedder, options.out, progress)
    for files in brought:
        camera = files[0].camera
        mine = [one for one in told if one.camera == camera]
        bad = [one for one in mine if not one.picture]
        for one in bad:
            sys.stderr.write(f"could not be read: {one.path}\n")
        left = f", {len(bad)} could not be read" if bad else ""
        sys.stdout.write(f"{camera.name}: {len(mine) - len(bad)} pictures from {camera.clip}{left}\n")
    people = decide(evidence, options.out, model.prior, choice)
    write_results(people, options.out, choice, export, progress)
    return int(any(not one.picture for one in told))


def check(path: Path) -> int:
    """Say what was compared; the exit status, 1 where a file of the zip is not as its manifest says."""
    try:
        manifest = verify_zip(path)
    except ChangedError as fault:
        sys.stderr.write(f"sightline: {fault}\n")
        return 1
    sha256 = _sha256(path)
    made = f"made by {manifest.get('program')}" + (f" on {manifest['when']}" if manifest.get("when") else "")
    sys.stdout.write(f"{path}: {len(manifest['entries'])} files have the sha256 that the manifest names; {made}\n")
    sys.stdout.write(f"sha256 of the zip itself, to be kept elsewhere: {sha256}\n")
    return 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
