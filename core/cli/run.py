"""`--travel A-B=SECONDS`: how long it takes at least to go from one camera to another, checked before anything runs.

`run --like gallery.zip`: what may stand beside it, what is not as it was then, and whether it came out the same.

`run CLIP CLIP... --out DIR`: from clips to people, camera by camera, and a zip that can be handed out."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.cli.renamed_flags import add_former_flag
from core.cli.track import add_flags, logged, progress_of, setup_of, status_of, telling
from core.export import ExportOptions, Manifest, differing, load_manifest, prepare_replay, verify_zip, write_people
from core.machine.log import LOG
from core.runs import (
    NO_EMBEDDER,
    Choice,
    Evidence,
    MatchedPeople,
    Setup,
    TravelTime,
    collect_evidence,
    decide,
    name_cameras,
    read_links,
    read_names,
    track_clips,
)
from core.runs.estimate import Rates, record_overhead, record_rates
from core.vision.models import Kind
from core.workspace.jobs import StatusWriter


def add_travel(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--travel",
        action="append",
        default=[],
        metavar="A-B=SECONDS",
        help="nobody comes from camera A to B, or back, in less (0: they may see the same place)",
    )


def ways_of(words: Sequence[str], cameras: Iterable[str]) -> tuple[TravelTime, ...]:
    """What the flags say; a camera's name may hold a `-` itself."""
    known = list(cameras)
    ways: dict[frozenset[str], TravelTime] = {}
    for word in words:
        pair, _, seconds = word.rpartition("=")
        fits = [(one, other) for one, other in permutations(known, 2) if f"{one}-{other}" == pair]
        if not fits:
            raise SettingsError(
                f"--travel {word} names no two cameras of this run",
                f"Write --travel {'-'.join((known * 2)[:2]) or 'A-B'}=20. Cameras: {', '.join(known)}.",
            )
        if len(fits) > 1:
            read = " or ".join(f"{one} to {other}" for one, other in fits)
            raise SettingsError(f"--travel {word} can mean {read}", "Run with other names: --name CAM=CLIP.")
        if frozenset(fits[0]) in ways:
            raise SettingsError(
                f"--travel {word}: this way was named before, or the way back", "Leave one of them out."
            )
        ways[frozenset(fits[0])] = TravelTime(*fits[0], _seconds(word, seconds))
    return tuple(ways.values())


def _seconds(word: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError(f"--travel {word} says no time", "Give seconds, 0 or more: --travel gate-hall=20.")
    return seconds


_BESIDE = {"command", "run", "clips", "out", "like", "device", "weights", "features", "fresh", "progress", "watch"}
_NAMED = 5


def setup_like(options: argparse.Namespace, then: Manifest) -> tuple[Setup, ExportOptions]:
    """The setup that the manifest holds, and how it was handed out; what is not as it was then is said."""
    more = [
        f"--{name.replace('_', '-')}" for name, value in vars(options).items() if name not in _BESIDE and given(value)
    ]
    if more:
        raise SettingsError(
            f"{', '.join(sorted(more))} cannot stand beside --like, which says all of that",
            "Leave out one or the other.",
        )
    files: dict[Kind, str] = {"detector": options.weights or "", "embedder": options.features or ""}
    found = prepare_replay(then, options.clips, options.device, files)
    for words in found.differences:
        sys.stderr.write(f"sightline: not as it was, so the result may be another: {words}\n")
    return found.setup, found.export


def given(value: object) -> bool:
    """Whether a flag was given; 0 is something to say."""
    return value is not None and value is not False and value != []


def compare(options: argparse.Namespace, then: Manifest) -> int:
    """Say whether the new zip holds the same; the exit status, 1 where it does not."""
    now = verify_zip(options.out / "gallery.zip")
    names = differing(then, now)
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        sys.stderr.write(f"sightline: not the same as in {options.like}: {', '.join(names[:_NAMED])}{more}\n")
        return 1
    sys.stdout.write(f"all {len(now['entries'])} files are the same as in {options.like}\n")
    return 0


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
    then = load_manifest(options.like) if options.like else None
    if then is None:
        setup, export = _setup(options), replace(export_of(options), zipped=not options.no_zip)
    else:
        setup, export = setup_like(options, then)
    written.tracking(camera.name for camera in setup.cameras)
    progress, tell = progress_of(options, written), telling(written)
    results = track_clips(setup, options.out, progress, options.fresh, cropped=True, tell=tell)
    record_rates(results, setup.recipe, setup.networks, Rates())
    status = status_of(results)
    if status < 2:
        written.people()
        evidence = collect_evidence(results, setup.offsets, options.out, setup.choice.ignore_positions)
        say_ground(evidence)
        people = decide(evidence, options.out, setup.known, setup.choice)
        write_and_say(people, options.out, setup.choice, export, progress)
        record_overhead(results, time.time() - psutil.Process().create_time(), Rates())
        LOG.info("%d people among %d tracks", len(people.gallery.by_person()), len(people.gallery.sightings))
        if then is not None:
            status = max(status, compare(options, then))
    return status


def _setup(options: argparse.Namespace) -> Setup:
    if options.features == NO_EMBEDDER:
        raise SettingsError("people are matched by their looks, and --features is none", "Leave it out, or use track.")
    cameras = [camera.name for camera in name_cameras(options.clips, options.name)]
    choice, setup = choice_of(options, cameras), setup_of(options)
    return replace(setup, offsets=_offsets(options.offset, cameras), choice=choice)


def choice_of(options: argparse.Namespace, cameras: Iterable[str]) -> Choice:
    """What the flags say about who is who."""
    return Choice(
        threshold=options.cos,
        links=read_links(options.links) if options.links else (),
        travel=ways_of(options.travel, cameras),
        ignore_positions=options.ignore_positions,
        names=read_names(options.names) if options.names else (),
        purpose=(options.purpose or "").strip(),
    )


def export_of(options: argparse.Namespace, to: Path | None = None) -> ExportOptions:
    """What the flags say about what is handed out; it goes to the folder `to`, or to the run's own."""
    reason = (options.reason or "").strip()
    if options.no_blur and not reason:
        raise SettingsError("--no-blur shows faces, and no reason is given", 'Say why: --reason "asked for by ...".')
    if reason and not options.no_blur:
        raise SettingsError("--reason is about --no-blur", "Leave it out; --purpose says why anybody is looked for.")
    return ExportOptions(not options.no_blur, reason, to=to)


def say_ground(evidence: Evidence) -> None:
    """Which cameras see the same ground, and by how much their clocks seem to differ."""
    for found in evidence.overlaps:
        one, other = evidence.cameras[found.one], evidence.cameras[found.other]
        sys.stdout.write(f"{one} and {other} see the same ground: {found.worth:.1f} people agree")
        if found.shift:
            offset = float(evidence.offsets[found.other]) + found.shift_seconds
            sys.stdout.write(f"; {other} seems to begin at --offset {other}={offset:.1f}")
        sys.stdout.write("\n")


def write_and_say(people: MatchedPeople, out: Path, choice: Choice, export: ExportOptions, progress: Progress) -> None:
    """Write what a run leaves in its folder `out`, or where `export` says, and say what came of it."""
    write_people(people, out, replace(export, when=time.strftime("%Y-%m-%dT%H:%M:%S%z")), progress)
    given = "suggested" if choice.threshold is None else "given"
    found, count = people.match, len(people.gallery.by_person())
    sys.stdout.write(f"{count} people among {len(found.tracklets)} tracks at similarity {found.threshold:.2f}")
    sys.stdout.write(f" ({given}); {found.calibration.words}\n")
    sys.stdout.write(f"{(export.to or out) / ('gallery.zip' if export.zipped else 'people.csv')}\n")


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
