"""Folders of crops as a run of their own: what may go where, and the record of what was made of which file.

    DIR/run.json       as of a run over clips: models, versions, and how many pictures of each camera
    DIR/pictures.csv   what became of each file: camera,track,picture,file,sha256,crop; for this machine, it has names

Only a folder that is empty, or that earlier pictures filled, is written to; folders that were brought never are.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import shutil
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from core import __version__
from core.embed import Embedder
from core.errors import ClipError, SettingsError, StoreError
from core.folders import write_atomically
from core.output import model_facts, versions
from core.people.evidence import CROPS, FILE, Evidence
from core.people.folders import Brought, collect_pictures, pictures_in
from core.people.kept import PEOPLE, SIMILARITY, ZIP
from core.pipeline import name_cameras
from core.progress import Progress
from core.results import record_of
from core.weights import Model

SOURCE = "folders of crops"
RECORD, TABLE = "run.json", "pictures.csv"


def look_into(folders: Sequence[Path], out: Path) -> list[list[Brought]]:
    """What lies in each camera's folder, if all of it can be read and `out` written without harm to anything."""
    places = [folder.expanduser().resolve() for folder in folders]
    for place in places:
        if not place.is_dir():
            raise ClipError(f"{place} is no folder", "Name a folder of crops for each camera.")
    for number, place in enumerate(places):
        if twice := [other for other in places[number + 1 :] if _touch(place, other)]:
            raise SettingsError(f"{place} and {twice[0]} hold the same pictures", "Name each camera's folder once.")
        if _touch(place, out.expanduser().resolve()):
            raise SettingsError(f"--out {out} and {place} lie one in the other", "Choose an --out folder elsewhere.")
    _require_ours(out)
    return [pictures_in(camera) for camera in name_cameras(places)]


def _touch(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _require_ours(out: Path) -> None:
    try:
        taken = out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError as fault:
        raise StoreError(f"{out} cannot be read ({fault.strerror})", "Choose another --out folder.") from fault
    if taken and not ((out / RECORD).is_file() and record_of(out).get("source") == SOURCE):
        raise SettingsError(f"{out} holds something else already", "Choose another --out folder.")


def bring(
    brought: Sequence[Sequence[Brought]], model: Model, embedder: Embedder, out: Path, progress: Progress | None = None
) -> tuple[Evidence, list[Brought]]:
    """What a run would have known of the pictures, and what became of each; all of it is kept below `out`."""
    began = time.time()
    about: dict[str, Any] = {
        "program": f"sightline {__version__}",
        "source": SOURCE,
        "began": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(began)),
        "models": {"detector": "none: the pictures came as crops", "embedder": model_facts(model, by=embedder.backend)},
        "versions": versions(),
    }
    _save(out, {**about, "state": "running"})
    shutil.rmtree(out / CROPS, ignore_errors=True)
    for old in (FILE, PEOPLE, SIMILARITY, ZIP):
        # Made when all is done: until then, an older one would speak for this one.
        with contextlib.suppress(FileNotFoundError):
            (out / old).unlink()
    evidence, told = collect_pictures(brought, embedder, out, progress)
    write_atomically(out / TABLE, _table(told).encode(errors="backslashreplace"))
    cameras = {camera.name: _facts(list(files)) for camera, files in groupby(told, lambda one: one.camera)}
    _save(out, {**about, "state": "done", "seconds": round(time.time() - began, 3), "cameras": cameras})
    return evidence, told


def _facts(files: list[Brought]) -> dict[str, Any]:
    """Of one camera. Names of files stay out of it: the record is handed out."""
    read = [one for one in files if one.picture]
    folder = files[0].camera.clip
    return {
        "clip": str(folder).encode(errors="backslashreplace").decode(),
        "crops": len(read),
        "unreadable": len(files) - len(read),
        "people_told_apart": len({one.track for one in read if not one.moment}),
        "loose_pictures": sum(bool(one.moment) for one in read),
        "sha256_of_crops": hashlib.sha256("".join(one.sha256 for one in read).encode()).hexdigest(),
    }


def _save(out: Path, record: dict[str, Any]) -> None:
    write_atomically(out / RECORD, json.dumps(record, indent=1, ensure_ascii=False).encode())


def _table(told: Sequence[Brought]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("camera", "track", "picture", "file", "sha256", "crop"))
    for one in told:
        writer.writerow((one.camera.name, one.track, one.picture or "", one.name, one.sha256, one.crop))
    return text.getvalue()
