"""Everything that reads what may come from elsewhere: for each, good examples to be spoilt, and the reader itself.

A reader takes bytes, and either returns or raises a `SightlineError`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from core.base.text import parse_moment
from core.export.replay import load_manifest, parse_manifest
from core.machine.canvas import decode_picture
from core.machine.settings_file import example, read_settings
from core.review import load_review, save_review
from core.review.history import Review
from core.runs import (
    load_evidence,
    load_people,
    load_tracks,
    read_links,
    read_names,
    read_numbers,
    read_record,
)
from core.runs.tables import load_timelines
from core.vision.mot import read_detections, read_mot
from core.vision.regions import Region, Regions, read_regions, to_json
from core.vision.video import ListedRecording, list_text, probe, read_list, split_name
from core.workspace import back_up, restore, services
from core.workspace.cases import Case, Cases, parse_case
from core.workspace.jobs import RUN_JOB, find_job, read_job, read_status
from tests.review.making import big_case
from tests.vision.video.making import blank_png, write_clip


@dataclass(frozen=True)
class Reader:
    """What reads bytes, and examples that it reads without complaint."""

    read: Callable[[bytes], object]
    examples: tuple[bytes, ...]


def texts() -> dict[str, Reader]:
    """Readers that need no files but the one that they are given."""
    return {
        "regions": Reader(_read_regions, (_regions(), b"1,2\n30,4\n5,60\n")),
        "moment": Reader(_read_moments, (b"2026-05-31 14:03:10", b"14:03", b"2026-05-31T14:03:10+02:00")),
        "file name": Reader(lambda content: split_name(_text(content)), (b"ch3_main_20260101120000_20260101130000",)),
        "picture": Reader(lambda content: decode_picture(content, "a.png"), (blank_png(32, 16),)),
    }


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _read_regions(content: bytes) -> object:
    return read_regions(content, "regions", 640, 480)


def _read_moments(content: bytes) -> object:
    zones = "", "Europe/Berlin", "UTC", _text(content)
    return [parse_moment(_text(content), zone, day) for zone in zones for day in ("", "2026-05-31")]


def _regions() -> bytes:
    box, polygon = Region("box", ((0.1, 0.1), (0.5, 0.5))), Region("polygon", ((0, 0), (1, 0), (0, 1)))
    return to_json(Regions((box, polygon))).encode()


def readers(folder: Path) -> dict[str, Reader]:
    """All of them; `folder` is theirs, and the cache lies elsewhere."""
    case = big_case(cameras=2, people=3, tracklets=8, crops=2, seconds=20, noise=0.1)
    run = services().jobs.get(case.run).folder
    found = texts() | _files(folder) | _of_run(folder, run) | _of_case(folder, case)
    return found | {"recording": _file(folder, "a.mp4", probe, _clips(folder))}


def _clips(folder: Path) -> tuple[bytes, ...]:
    made = (write_clip(folder / f"made{suffix}", range(6)) for suffix in (".mp4", ".avi", ".ts", ".mkv"))
    return tuple(path.read_bytes() for path in made)


def _file(folder: Path, name: str, read: Callable[[Path], object], examples: Iterable[bytes]) -> Reader:
    """A reader of one file, which it looks for in a folder of its own."""
    place = folder / name.replace(".", "-")
    place.mkdir(exist_ok=True)

    def write_and_read(content: bytes) -> object:
        (place / name).write_bytes(content)
        return read(place / name)

    return Reader(write_and_read, tuple(examples))


def _files(folder: Path) -> dict[str, Reader]:
    listed = list_text([ListedRecording("a.mp4", "ab" * 16, 0.0), ListedRecording("b.mp4", "cd" * 16, 3600.0)])
    numbers = b"number,camera,track,seconds\n1,cam1,1,0.5\n"
    names = b"camera,track,name,note\ncam1,1,Alex,red bag\n"
    links = b"camera,track,other_camera,other_track,decision,seconds\ncam1,1,cam2,2,same,\ncam1,3,,,cut,2.5\n"
    mot = b"1,1,5,5,20,40,0.9,-1,-1,-1\n2 1 5 5 20 40\n"
    return {
        "settings": _file(folder, "sightline.toml", read_settings, (_settings(), b"conf = 0.3\n")),
        "list of recordings": _file(folder, "a.recordings", read_list, (listed,)),
        "links": _file(folder, "links.csv", read_links, (links,)),
        "names": _file(folder, "names.csv", read_names, (names,)),
        "numbers": _file(folder, "numbers.csv", read_numbers, (numbers,)),
        "MOT text": _file(folder, "mot.txt", read_mot, (mot,)),
        "detections": _file(folder, "det.txt", read_detections, (mot,)),
    }


def _settings() -> bytes:
    return "\n".join(line[2:] for line in example().splitlines() if " = " in line).encode()


def _of_run(folder: Path, run: Path) -> dict[str, Reader]:
    """Each reads a run of which one file is spoilt."""

    def spoilt(name: str, read: Callable[[Path], object]) -> Reader:
        place = Path(tempfile.mkdtemp(dir=folder)) / "run"
        shutil.copytree(run, place)
        content = (place / name).read_bytes()

        def write_and_read(spoilt_content: bytes) -> object:
            (place / name).write_bytes(spoilt_content)
            return read(place)

        return Reader(write_and_read, (content,))

    def read_the_job(place: Path) -> object:
        job = find_job(RUN_JOB, place)
        return job and read_job(place, job, running=False).order.key

    (run / "status.json").write_text('{"format": 1, "attempt": "a1", "phase": "running", "cameras": []}')
    return {
        "run.json": spoilt("out/run.json", lambda place: read_record(place / "out")),
        "job.json": spoilt("job.json", read_the_job),
        "status.json": spoilt("status.json", lambda place: read_status(place, "a1")),
        "tracklets.npz": spoilt("out/tracklets.npz", lambda place: load_evidence(place / "out")),
        "similarity.npz": spoilt("out/similarity.npz", lambda place: load_people(place / "out")),
        "people.csv": spoilt("out/people.csv", lambda place: load_people(place / "out")),
        "tracks.parquet": spoilt("out/tracks.parquet", lambda place: load_tracks(place / "out", "cam1")),
        "frames.parquet": spoilt("out/tracks.parquet", lambda place: _timelines(place)),
    }


def _timelines(place: Path) -> object:
    (place / "out" / "frames.parquet").write_bytes((place / "out" / "tracks.parquet").read_bytes())
    return load_timelines(place / "out")


def _of_case(folder: Path, case: Case) -> dict[str, Reader]:
    review = folder / "made-review.json"
    save_review(review, Review())
    made = folder / "made.zip"
    back_up(services().cases, case, made, clips=True)
    record = Cases().folder(case.key) / "case.json"
    manifest = json.dumps({"format": 1, "program": "sightline 1", "blurred": True, "digests": {}, "about": {}}).encode()
    return {
        "case": Reader(lambda content: parse_case(content, "x" * 12), (record.read_bytes(),)),
        "review.json": _file(folder, "review.json", load_review, (review.read_bytes(), _decisions())),
        "back-up": _file(folder, "a.zip", _restored, (made.read_bytes(), _packed(made))),
        "manifest": _file(folder, "manifest.json", lambda path: parse_manifest(load_manifest(path)), (manifest,)),
    }


def _restored(path: Path) -> object:
    try:
        return restore(services(), path)
    finally:
        for case in services().cases.all()[1:]:
            services().cases.delete(case.key)


def _decisions() -> bytes:
    action = {"kind": "name", "camera": "cam1", "track": 1, "name": "Alex"}
    return json.dumps({"format": 2, "actions": [action], "undone": []}).encode()


def _packed(path: Path) -> bytes:
    """The same back-up as somebody packs it again."""
    again = path.with_name("packed.zip")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    return again.read_bytes()
