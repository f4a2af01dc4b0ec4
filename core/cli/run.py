"""`run CLIP CLIP... --out DIR`: from clips to people, camera by camera, and a zip that can be handed out."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from core.cli import like
from core.cli.renamed import add_former_flag
from core.cli.track import add_flags, logged, progress_of, setup_of, status_of, telling
from core.cli.ways import add_travel, ways_of
from core.errors import SettingsError
from core.gallery import Gallery
from core.jobs.status import StatusWriter
from core.log import LOG
from core.people import Choice, Evidence, collect, decide, read_links, read_names
from core.pipeline import NONE, name_cameras
from core.progress import Progress
from core.runs import Setup, read, track_clips
from core.speed import Rates, note, note_whole
from core.weights import Known


def add_arguments(p: argparse.ArgumentParser) -> None:
    add_flags(p)
    add_matching(p)
    p.add_argument(
        "--offset",
        action="append",
        default=[],
        metavar="CAM=SECONDS",
        help="start offset: this camera's clip begins so many seconds after the others' (0)",
    )
    p.add_argument("--no-zip", action="store_true", help="write everything but gallery.zip")
    p.add_argument(
        "--like", type=Path, metavar="ZIP", help="repeat the run that this gallery.zip (or manifest) describes"
    )
    p.set_defaults(run=run)


def add_matching(p: argparse.ArgumentParser) -> None:
    """What decides who is who, and how it is handed out."""
    p.add_argument("--cos", type=float, metavar="C", help="similarity threshold for one person's tracks (calibrated)")
    p.add_argument("--links", type=Path, metavar="FILE", help="CSV of your decisions: see docs/command-line.md")
    p.add_argument("--names", type=Path, metavar="FILE", help="CSV of names: camera,track,name,note")
    add_travel(p)
    positions = p.add_argument(
        "--ignore-positions", action="store_true", help="match by appearance only, not by where people stood"
    )
    add_former_flag(p, "--looks-only", positions)
    p.add_argument("--no-blur", action="store_true", help="do not blur heads in gallery.zip")
    p.add_argument("--reason", metavar="TEXT", help="why heads are not blurred; required with --no-blur")
    p.add_argument("--purpose", metavar="TEXT", help="the purpose of the search; recorded in gallery.zip")


def run(options: argparse.Namespace) -> int:
    with logged(options) as status:
        return _run(options, status)


def _run(options: argparse.Namespace, written: StatusWriter) -> int:
    # What a user can mistype is looked at before hours of work, not after.
    then = read(options.like) if options.like else None
    setup = _setup(options) if then is None else like.setup_of(options, then)
    written.tracking(camera.name for camera in setup.cameras)
    progress, tell = progress_of(options, written), telling(written)
    results = track_clips(setup, options.out, progress, options.fresh, cropped=True, tell=tell)
    note(results, setup.recipe, setup.networks, Rates())
    status = status_of(results)
    if status < 2:
        written.people()
        evidence = collect(results, setup.offsets, options.out, setup.choice.looks_only)
        say_ground(evidence)
        gallery = decided(evidence, options.out, setup.known, setup.choice, progress)
        note_whole(results, time.time() - psutil.Process().create_time(), Rates())
        LOG.info("%d people among %d tracks", len(gallery.by_person()), len(gallery.sightings))
        if then is not None:
            status = max(status, like.compare(options, then))
    return status


def _setup(options: argparse.Namespace) -> Setup:
    if options.features == NONE:
        raise SettingsError("people are matched by their looks, and --features is none", "Leave it out, or use track.")
    cameras = [camera.name for camera in name_cameras(options.clips, options.name)]
    choice, setup = replace(choice_of(options, cameras), zipped=not options.no_zip), setup_of(options)
    return replace(setup, offsets=_offsets(options.offset, cameras), choice=choice)


def choice_of(options: argparse.Namespace, cameras: Iterable[str]) -> Choice:
    """What the flags say about who is who."""
    reason, purpose = (options.reason or "").strip(), (options.purpose or "").strip()
    if options.no_blur and not reason:
        raise SettingsError("--no-blur shows faces, and no reason is given", 'Say why: --reason "asked for by ...".')
    if reason and not options.no_blur:
        raise SettingsError("--reason is about --no-blur", "Leave it out; --purpose says why anybody is looked for.")
    return Choice(
        options.cos,
        read_links(options.links) if options.links else (),
        not options.no_blur,
        ways_of(options.travel, cameras),
        options.ignore_positions,
        read_names(options.names) if options.names else (),
        purpose,
        reason,
    )


def say_ground(evidence: Evidence) -> None:
    """Which cameras see the same ground, and by how much their clocks seem to differ."""
    for found in evidence.overlaps:
        one, other = evidence.cameras[found.one], evidence.cameras[found.other]
        sys.stdout.write(f"{one} and {other} see the same ground: {found.worth:.1f} people agree")
        if found.shift:
            offset = float(evidence.offsets[found.other]) + found.shift_seconds
            sys.stdout.write(f"; {other} seems to begin at --offset {other}={offset:.1f}")
        sys.stdout.write("\n")


def decided(
    evidence: Evidence, out: Path, known: Known | None, choice: Choice, progress: Progress, to: Path | None = None
) -> Gallery:
    """Match, write what a run leaves (there, or below `to`), and say what came of it."""
    found, gallery = decide(evidence, out, known, choice, progress, time.strftime("%Y-%m-%dT%H:%M:%S%z"), to)
    given = "suggested" if choice.threshold is None else "given"
    people = len(gallery.by_person())
    sys.stdout.write(f"{people} people among {len(found.tracklets)} tracks at similarity {found.threshold:.2f}")
    sys.stdout.write(f" ({given}); {found.calibration.words}\n")
    sys.stdout.write(f"{(to or out) / ('gallery.zip' if choice.zipped else 'people.csv')}\n")
    return gallery


def _offsets(words: list[str], cameras: list[str]) -> dict[str, float]:
    found = {}
    for word in words:
        name, _, seconds = word.partition("=")
        if name not in cameras:
            raise SettingsError(f"--offset {word} names no camera of this run", f"Cameras: {', '.join(cameras)}.")
        try:
            found[name] = float(seconds)
        except ValueError as fault:
            raise SettingsError(f"--offset {word} is no camera and seconds", "Write --offset gate=-3.5.") from fault
    return found
