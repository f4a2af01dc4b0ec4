"""`gallery DIR`: matches the people of a finished run again, at another threshold or with decisions; runs no network.

`gallery --check ZIP` is `verify ZIP`. `gallery --from-crops FOLDER FOLDER --out DIR` starts from crops instead of a
run. `gallery DIR --market FOLDER` writes the crops as a data set. `gallery DIR --to FOLDER` exports into another folder
and leaves DIR unchanged; with `--what`, only one kind of export.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.settings import MachineSettings, ModelSettings
from core.cli.progress import listener
from core.cli.run import (
    add_matching,
    is_given,
    parse_choice,
    parse_export,
    parse_reason,
    require_all_clocks,
    write_results,
)
from core.cli.settings import add_settings_file, given_settings
from core.cli.verify import verify_export
from core.export import (
    ExportOptions,
    FilmCovering,
    People,
    read_facts,
    require_empty,
    with_heads,
    with_reason,
    write_films,
    write_market,
)
from core.machine.device import parse_backend
from core.machine.paths import write_atomically
from core.machine.settings_file import load_settings
from core.runs import (
    GALLERY_FILE,
    Camera,
    Choice,
    Evidence,
    ImportedCrop,
    MatchedPeople,
    about_people,
    build_gallery,
    decide,
    import_crops,
    list_folders,
    load_clocks,
    load_evidence,
    load_people,
    match_people,
    read_record,
    run_prior,
)
from core.vision.embed import open_embedder
from core.vision.models import EMBEDDER, EmbedderPrior, find

MATCHING_FLAGS = (
    *("cos", "links", "names", "numbers", "travel", "ignore_positions", "purpose", "keep_until", "began"),
)
CROPS_FLAGS = ("out", "features", "device")
WHAT = ("gallery", "crops", "films")
CROPS, SUMS = "crops.zip", "SHA256SUMS"


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("done", nargs="?", type=Path, metavar="DIR", help="the folder of a run")
    p.add_argument("--check", type=Path, metavar="ZIP", help="check whether this gallery.zip is unchanged")
    p.add_argument("--market", type=Path, metavar="FOLDER", help="write the crops there, named as in Market-1501")
    p.add_argument("--to", type=Path, metavar="FOLDER", help="export into this folder and leave DIR unchanged")
    p.add_argument(
        "--what",
        choices=WHAT,
        help="with --to: gallery (zip, tables and the sha256 of the zip), crops (Market-1501, in crops.zip), "
        "films (each camera's clip with the people drawn in)",
    )
    p.add_argument(
        "--only-person",
        type=int,
        metavar="N",
        help="with --what films: show the face of person N and cover everybody else from head to foot; needs --reason",
    )
    p.add_argument(
        "--clip",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="with --to: where a clip of the run lies now, if it was moved; may be repeated",
    )
    p.add_argument("--facts", type=Path, metavar="FILE", help="facts of a case for the report, as the app writes them")
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
    p.add_argument(
        "--log", type=Path, metavar="FOLDER", help="with --to: put the log of a case, in this folder, into it"
    )
    add_matching(p)
    add_settings_file(p)
    p.add_argument("--progress", choices=("auto", "json", "none"), default="auto", help="how to show progress")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.check:
        return verify_export(options.check)
    _check_flags(options)
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
        folder = options.out if options.from_crops else options.done
        gallery = _prepared(load_people(folder), folder, parse_export(options)).gallery
        crops = write_market(gallery, options.market, progress, not options.no_blur)
        sys.stdout.write(f"{crops} crops of {gallery.people_count} people are in {options.market}\n")
    return status


def _check_flags(options: argparse.Namespace) -> None:
    """`SettingsError` for flags that would have no effect, or that contradict each other."""
    crops_flags = [f"--{name}" for name in CROPS_FLAGS if getattr(options, name) is not None]
    if options.from_crops and (options.done or not options.out):
        fault = (
            f"{options.done} was given beside --from-crops" if options.done else "--from-crops needs an --out folder"
        )
        raise SettingsError(fault, "Write: gallery --from-crops FOLDER FOLDER --out DIR.")
    if crops_flags and not options.from_crops:
        raise SettingsError(f"{', '.join(crops_flags)}: for --from-crops only", "Leave it out.")
    if options.from_crops and options.travel:
        raise SettingsError("crops come without times, so --travel has no effect", "Leave --travel out.")
    if options.from_crops and options.began:
        raise SettingsError("crops come without times, so --began has no effect", "Leave --began out.")
    if options.drift and not options.began:
        raise SettingsError("--drift needs --began", "Say when each clip began, or leave --drift out.")
    if options.what and not options.to:
        raise SettingsError("--what needs --to", "Name a folder with --to, or leave --what out.")
    if options.log and (not options.to or options.what not in (None, "gallery")):
        raise SettingsError("--log needs --to", "Write: gallery DIR --to FOLDER --log FOLDER.")
    if options.clip and (not options.to or options.what == "crops"):
        raise SettingsError("--clip needs --to, for the gallery or films", "Add --to FOLDER, or leave --clip out.")
    if options.facts and (options.what or "gallery") != "gallery":
        raise SettingsError("--facts is for the gallery", "Leave --facts out.")
    if options.only_person is not None and (options.what != "films" or options.no_blur):
        raise SettingsError("--only-person is for --what films with blurring", "Add --what films, without --no-blur.")
    parse_reason(options, "--no-blur" if options.only_person is None else "--only-person")
    if options.to and (options.from_crops or options.market):
        raise SettingsError("--to needs a finished run", "Write: gallery DIR --to FOLDER --what crops.")
    if not (options.done or options.from_crops):
        raise SettingsError("no run was given", "Name the folder of a run: gallery DIR.")


def _rematch(options: argparse.Namespace, progress: Progress) -> None:
    """Match the people again and write the tables and the export."""
    evidence, out, prior, choice = _load_run(options)
    export = replace(
        parse_export(options, options.to),
        clips=tuple(options.clip),
        case=read_facts(options.facts) if options.facts else None,
        log=options.log,
    )
    write_results(decide(evidence, out, prior, choice), out, choice, export, progress)


def _load_run(options: argparse.Namespace) -> tuple[Evidence, Path, EmbedderPrior | None, Choice]:
    """The evidence of a finished run, its folder, what is known of its embedder, and the choices of the flags."""
    evidence, record = load_evidence(options.done), read_record(options.done)
    choice = parse_choice(options, record.cameras, load_settings(options.settings))
    require_all_clocks(choice.clocks, evidence.cameras)
    if not choice.clocks:
        choice = replace(choice, clocks=load_clocks(options.done))
    return evidence, options.done, run_prior(record), choice


def export_to(options: argparse.Namespace, progress: Progress) -> int:
    """Export into the folder of --to. The export is complete once SHA256SUMS is there."""
    (options.to / SUMS).unlink(missing_ok=True)
    sums = [f"{_sha256(path)}  {path.name}\n" for path in _write_part(options, progress)]
    write_atomically(options.to / SUMS, "".join(sums).encode())
    sys.stdout.write(f"Keep these sha256 sums elsewhere:\n{''.join(sums)}")
    return 0


def _write_part(options: argparse.Namespace, progress: Progress) -> Iterator[Path]:
    """Write one kind of export to the folder of --to, and yield each file as it is finished."""
    to, what = options.to, options.what or "gallery"
    if what == "gallery":
        _rematch(options, progress)
        yield to / GALLERY_FILE
        return
    evidence, out, prior, choice = _load_run(options)
    parts, match = match_people(evidence, out, prior, choice)
    if what == "films":
        covering = FilmCovering(not options.no_blur, (options.reason or "").strip(), options.only_person)
        yield from write_films(parts, match.people().person, out, to, covering, progress, options.clip, choice.clocks)
        return
    export = parse_export(options, to)
    gallery = build_gallery(parts, match, out, about_people(evidence, out, prior, choice), choice.names)
    people = _prepared(MatchedPeople(parts, match, gallery), out, export)
    write_market(people.gallery, to / CROPS, progress, export.blur)
    yield to / CROPS


def _prepared(people: People, out: Path, export: ExportOptions) -> People:
    """The people with the heads in their crops known, or with the reason for showing them."""
    return with_heads(people, out) if export.blur else with_reason(people, export.reason)


def _from_crops(options: argparse.Namespace, progress: Progress) -> int:
    """Match the people in folders of crops; the exit status, 1 where a picture could not be read."""
    folders = list_folders(options.from_crops, options.out)
    user = load_settings(options.settings)
    cameras = [files[0].camera.name for files in folders]
    choice, export = parse_choice(options, cameras, user), parse_export(options)
    model = find(ModelSettings(**given_settings(options, user, "models")).embedder, "embedder")
    machine = MachineSettings(**given_settings(options, user, "machine"))
    embedder = open_embedder(model, parse_backend(machine.device), flip=True)
    evidence, crops = import_crops(folders, model, embedder, options.out, progress)
    for files in folders:
        _report_folder(files[0].camera, crops)
    people = decide(evidence, options.out, model.prior, choice)
    write_results(people, options.out, choice, export, progress)
    return int(any(not crop.picture for crop in crops))


def _report_folder(camera: Camera, crops: Sequence[ImportedCrop]) -> None:
    """How many pictures of a camera were imported, and which could not be read."""
    of_camera = [crop for crop in crops if crop.camera == camera]
    unreadable = [crop for crop in of_camera if not crop.picture]
    for crop in unreadable:
        sys.stderr.write(f"could not be read: {crop.path}\n")
    failed = f", {len(unreadable)} could not be read" if unreadable else ""
    count = len(of_camera) - len(unreadable)
    sys.stdout.write(f"{camera.name}: {count} pictures from {camera.clip}{failed}\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
