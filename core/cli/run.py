"""`run CLIP CLIP... --out DIR`: finds the same people in several clips and exports the result.

Cameras are analysed one after the other, then people are matched across them, and a zip is written. With `--like ZIP`
a run is repeated from its export, and the new export is compared with it. The flags of matching and of exporting are
shared with `gallery`.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.settings import settings_of
from core.base.text import Clocks, format_count, parse_moment, read_day, require_drift
from core.cli.settings import add_setting, given_settings
from core.cli.track import add_run_arguments, camera_listener, exit_status, log_run, open_progress, parse_setup
from core.export import (
    ExportOptions,
    Manifest,
    compare_exports,
    is_presentation,
    load_manifest,
    name_list,
    prepare_replay,
    verify_zip,
    write_people,
)
from core.machine.chain import time_with_zone
from core.machine.log import LOG
from core.machine.settings_file import UserSettings, load_settings
from core.runs import (
    Choice,
    Evidence,
    MatchedPeople,
    Setup,
    TravelTime,
    collect_evidence,
    decide,
    describe_faces,
    name_cameras,
    offsets_amid,
    read_links,
    read_names,
    read_numbers,
    read_record,
    track_clips,
)
from core.runs.estimate import Rates, record_overhead, record_rates
from core.vision.models import ModelKind
from core.workspace.jobs import StatusWriter

# All else is in the manifest.
_FLAGS_WITH_LIKE = {
    "command",
    "run",
    "clips",
    "out",
    "like",
    "device",
    "buffer_size",
    "weights",
    "features",
    "fresh",
    "progress",
    "watch",
}


def add_arguments(p: argparse.ArgumentParser) -> None:
    add_run_arguments(p)
    add_matching(p)
    p.add_argument(
        "--offset",
        action="append",
        default=[],
        metavar="CAM=SECONDS",
        help="start offset: seconds by which this camera's clip starts later than the others (0)",
    )
    p.add_argument("--no-zip", action="store_true", help="write everything but gallery.zip")
    p.add_argument(
        "--like", type=Path, metavar="ZIP", help="repeat the run that this gallery.zip (or manifest) describes"
    )
    p.set_defaults(run=run)


def add_matching(p: argparse.ArgumentParser) -> None:
    """The flags that decide who is who, and those of the export; `gallery` has them too."""
    for each in settings_of("match"):
        add_setting(p, each.key)
    p.add_argument(
        "--links", type=Path, metavar="FILE", help="CSV of your decisions; docs/command-line.md describes it"
    )
    p.add_argument("--names", type=Path, metavar="FILE", help="CSV of names: camera,track,name,note")
    p.add_argument(
        "--numbers", type=Path, metavar="FILE", help="CSV of people's numbers (by rank): number,camera,track,seconds"
    )
    p.add_argument(
        "--travel",
        action="append",
        default=[],
        metavar="A:B=SECONDS",
        help="nobody gets from camera A to camera B, or back, in less time (0: the cameras may see the same place)",
    )
    p.add_argument(
        "--began",
        action="append",
        default=[],
        metavar="CAM=TIME",
        help="the local time of this camera's first frame, for every camera: times of day are shown by it",
    )
    p.add_argument(
        "--drift",
        action="append",
        default=[],
        metavar="CAM=SECONDS",
        help="seconds that this camera's clock gains in a day (negative: loses); times are put right by it (0)",
    )
    p.add_argument("--time-zone", metavar="NAME", help="the time zone of --began, such as Europe/Berlin")
    add_blurring(p)
    p.add_argument("--purpose", metavar="TEXT", help="the purpose of the search; recorded in gallery.zip")
    p.add_argument("--keep-until", metavar="DATE", help="until when the result is to be kept; recorded in gallery.zip")


def run(options: argparse.Namespace) -> int:
    with log_run(options) as status:
        return _run(options, status)


def _run(options: argparse.Namespace, status_writer: StatusWriter) -> int:
    # What a user can mistype is checked before hours of work, not after.
    manifest = load_manifest(options.like) if options.like else None
    if manifest is None:
        setup, export = _setup(options), replace(parse_export(options), zipped=not options.no_zip)
    else:
        setup, export = setup_like(options, manifest)
    status_writer.tracking(camera.name for camera in setup.cameras)
    progress, on_result = open_progress(options, status_writer), camera_listener(status_writer)
    results = track_clips(setup, options.out, progress, options.fresh, with_crops=True, on_result=on_result)
    record_rates(results, setup.recipe, setup.networks, Rates())
    status = exit_status(results)
    if status < 2:
        status_writer.people()
        offsets = offsets_amid(results, setup.offsets, setup.drift)
        evidence = collect_evidence(results, offsets, options.out, not setup.find_overlaps)
        report_overlaps(evidence, setup.offsets)
        people = decide(evidence, options.out, setup.prior, setup.choice)
        write_results(people, options.out, setup.choice, export, progress)
        record_overhead(results, time.time() - psutil.Process().create_time(), Rates())
        if message := describe_faces(read_record(options.out)):
            sys.stdout.write(f"{message}\n")
        LOG.info("%d people among %d tracks", people.gallery.people_count, len(people.gallery.sightings))
        if manifest is not None:
            status = max(status, report_differences(options, manifest))
    return status


def _setup(options: argparse.Namespace) -> Setup:
    files = load_settings(options.settings)
    cameras = [camera.name for camera in name_cameras(options.clips, options.name)]
    choice, setup = parse_choice(options, cameras, files), parse_setup(options, files)
    if not setup.networks.embedder_model:
        raise SettingsError(
            "people are matched by appearance, which --features none turns off", "Leave --features out, or use track."
        )
    # An order of the app is of a case, which has a purpose.
    if setup.networks.faces and not (choice.purpose or options.watch):
        raise SettingsError("faces are compared only for a purpose", 'Add it: --purpose "...".')
    require_all_clocks(choice.clocks, cameras)
    offsets = {**choice.clocks.offsets, **_parse_seconds_of_cameras("--offset", options.offset, cameras)}
    drift, find_overlaps = parse_drift(options.drift, cameras), not choice.ignore_positions
    return replace(setup, offsets=offsets, choice=choice, drift=drift, find_overlaps=find_overlaps)


def parse_choice(options: argparse.Namespace, cameras: Iterable[str], files: UserSettings) -> Choice:
    """The decisions and settings that flags and files give for matching."""
    names = list(cameras)
    return Choice(
        **given_settings(options, files, "match"),
        links=read_links(options.links) if options.links else (),
        travel=parse_travel_times(options.travel, names),
        names=read_names(options.names) if options.names else (),
        purpose=(options.purpose or "").strip(),
        numbers=read_numbers(options.numbers) if options.numbers else (),
        clocks=_parse_clocks(options.began, options.time_zone or "", names, parse_drift(options.drift, names)),
        keep_until=read_day(options.keep_until or ""),
    )


def _parse_clocks(
    values: Sequence[str], zone: str, cameras: Sequence[str], drift: Mapping[str, float] | None = None
) -> Clocks:
    """The wall clocks of `--began CAM=TIME`."""
    began = {}
    for value in values:
        name, _, text = value.partition("=")
        if name not in cameras:
            raise SettingsError(f"--began {value} names no camera of this run", f"Cameras: {', '.join(cameras)}.")
        began[name] = parse_moment(text, zone)
    if zone and not began:
        raise SettingsError("--time-zone needs --began", "Say when each clip began, or leave --time-zone out.")
    return Clocks.read(began, zone, drift)


def parse_drift(values: Sequence[str], cameras: Sequence[str]) -> dict[str, float]:
    """The seconds a day that clocks gain, of `--drift CAM=SECONDS`."""
    drift = _parse_seconds_of_cameras("--drift", values, cameras)
    for camera, seconds in drift.items():
        require_drift(seconds, camera)
    return drift


def require_all_clocks(clocks: Clocks, cameras: Iterable[str]) -> None:
    """`SettingsError` where some of the cameras have a clock and others none: people are shown in one kind of time."""
    missing = [name for name in cameras if name not in clocks.began]
    if clocks and missing:
        raise SettingsError(f"--began is missing for {', '.join(missing)}", "Give it for every camera or for none.")


def add_blurring(p: argparse.ArgumentParser) -> None:
    """The flags that turn off blurring: the same for every picture that leaves the program."""
    p.add_argument("--no-blur", action="store_true", help="do not blur heads in what is exported")
    p.add_argument("--reason", metavar="TEXT", help="why faces are shown; required with --no-blur")


def parse_reason(options: argparse.Namespace, flag: str = "--no-blur") -> str:
    """The reason for showing faces, which only `flag` does; empty where it was not given."""
    reason = (options.reason or "").strip()
    shows_faces = getattr(options, flag.strip("-").replace("-", "_")) not in (None, False)
    if shows_faces and not reason:
        raise SettingsError(f"{flag} shows faces, and no reason is given", 'Add one: --reason "requested by ...".')
    if reason and not shows_faces:
        raise SettingsError(
            f"--reason needs {flag}", "Leave --reason out; the purpose of the search goes into --purpose."
        )
    return reason


def parse_export(options: argparse.Namespace, to: Path | None = None) -> ExportOptions:
    """How the flags say to export; to the folder `to`, or into that of the run."""
    return ExportOptions(not options.no_blur, parse_reason(options), to=to)


def _parse_seconds_of_cameras(flag: str, values: Sequence[str], cameras: Sequence[str]) -> dict[str, float]:
    """The seconds of each camera that the flag names."""
    found = {}
    for value in values:
        name, _, seconds = value.partition("=")
        if name not in cameras:
            raise SettingsError(f"{flag} {value} names no camera of this run", f"Cameras: {', '.join(cameras)}.")
        try:
            found[name] = float(seconds)
        except ValueError as fault:
            raise SettingsError(
                f"{flag} {value} is no camera and seconds", f"Write for example {flag} gate=-3.5."
            ) from fault
    return found


def parse_travel_times(values: Sequence[str], cameras: Iterable[str]) -> tuple[TravelTime, ...]:
    """The travel times of `--travel A:B=SECONDS`, or `A-B=SECONDS` where no name of a camera makes that ambiguous."""
    names = list(cameras)
    times: dict[frozenset[str], TravelTime] = {}
    for value in values:
        pair, _, seconds = value.rpartition("=")
        matches = [(a, b) for a, b in permutations(names, 2) if pair in (f"{a}-{b}", f"{a}:{b}")]
        if not matches:
            raise SettingsError(
                f"--travel {value} names no two cameras of this run",
                f"Write --travel {':'.join((names * 2)[:2]) or 'A:B'}=20. Cameras: {', '.join(names)}.",
            )
        if len(matches) > 1:
            readings = " or ".join(f"{a} to {b}" for a, b in matches)
            raise SettingsError(f"--travel {value} can mean {readings}", f"Write --travel {':'.join(matches[0])}=20.")
        cameras_of_pair = frozenset(matches[0])
        if cameras_of_pair in times:
            raise SettingsError(
                f"--travel {value}: these two cameras were named before, perhaps the other way round",
                "Leave one of them out.",
            )
        times[cameras_of_pair] = TravelTime(*matches[0], _parse_seconds(value, seconds))
    return tuple(times.values())


def _parse_seconds(flag: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError(f"--travel {flag} says no time", "Give seconds, 0 or more: --travel gate:hall=20.")
    return seconds


def setup_like(options: argparse.Namespace, manifest: Manifest) -> tuple[Setup, ExportOptions]:
    """The setup and the export options of `manifest`; what is not as it was then is reported."""
    refused = [
        f"--{name.replace('_', '-')}"
        for name, value in vars(options).items()
        if name not in _FLAGS_WITH_LIKE and is_given(value)
    ]
    if refused:
        raise SettingsError(
            f"{', '.join(sorted(refused))} cannot stand beside --like: the manifest has these settings",
            "Leave out one or the other.",
        )
    files: dict[ModelKind, str] = {"detector": options.weights or "", "embedder": options.features or ""}
    replay = prepare_replay(manifest, options.clips, options.device, files)
    for line in replay.differences:
        sys.stderr.write(f"sightline: not as it was, so the result may be another: {line}\n")
    return replay.setup, replay.export


def is_given(value: object) -> bool:
    """Whether the command line sets this flag; 0 counts as set."""
    return value is not None and value is not False and value != []


def report_differences(options: argparse.Namespace, before: Manifest) -> int:
    """Compare the new zip with that of --like and print the result; the exit status, 1 where it came out otherwise.

    README, report and contact sheets only present the data, and a later version may word or draw them otherwise: that
    is reported, but no failure.
    """
    after = verify_zip(options.out / "gallery.zip")
    found = compare_exports(before, after)
    presentation = f"presentation only: {name_list(found.presentation)}"
    if not found.is_reproduced:
        names = found.names if found.same_program else found.data
        different = name_list(names) if found.data else presentation
        sys.stderr.write(f"sightline: not the same as in {options.like}: {different}\n")
        return 1
    if found.presentation:
        data = sum(not is_presentation(name, before.blurred and after.blurred) for name in after.digests)
        programs = f"written by {before.program}, now {after.program}"
        sys.stdout.write(f"all {data} data files are the same as in {options.like}; {presentation} ({programs})\n")
    else:
        sys.stdout.write(f"all {len(after.entries)} files are the same as in {options.like}\n")
    return 0


def report_overlaps(evidence: Evidence, offsets: Mapping[str, float]) -> None:
    """A line for each pair of cameras that see the same ground, with the start offset that would align their clocks."""
    for overlap in evidence.overlaps:
        first, second = evidence.cameras[overlap.camera_a], evidence.cameras[overlap.camera_b]
        sys.stdout.write(f"{first} and {second} see the same ground: {overlap.agreeing:.1f} people agree")
        if overlap.shift:
            offset = offsets.get(second, 0.0) + overlap.shift_seconds
            sys.stdout.write(f"; {second} seems to begin at --offset {second}={offset:.1f}")
        sys.stdout.write("\n")


def write_results(people: MatchedPeople, out: Path, choice: Choice, export: ExportOptions, progress: Progress) -> None:
    """Write the tables and the export of the run in folder `out`, and print a summary and the path of the result."""
    write_people(people, out, replace(export, when=time_with_zone()), progress)
    source = "suggested" if choice.threshold is None else "given"
    match, objects = people.match, len(people.gallery.by_person()) - people.gallery.people_count
    found = f"{people.gallery.people_count} people"
    found += f" and {format_count(objects, 'probable thing', 'probable things')}" if objects else ""
    sys.stdout.write(f"{found} among {len(match.tracklets)} tracks at similarity {match.threshold:.2f}")
    sys.stdout.write(f" ({source}); {match.calibration.description}\n")
    sys.stdout.write(f"{(export.to or out) / ('gallery.zip' if export.zipped else 'people.csv')}\n")
