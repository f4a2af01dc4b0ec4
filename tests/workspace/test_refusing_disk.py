"""Every operation on a disk that is full or read-only from any of its steps on: refused in words, nothing is lost,
nothing is left behind, and it can be repeated.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from core.base.errors import SightlineError
from core.base.types import Clip
from core.machine.paths import cache_dir, data_dir
from core.review import Action, Review, save_review
from core.vision.video import content_digest
from core.workspace import (
    Refused,
    Saved,
    Services,
    back_up,
    erase,
    restore,
    review_of,
    serve_with,
    services,
    set_aside,
    set_threshold,
    sweep,
    take_back,
    undo,
)
from core.workspace.cases import Case, CaseClip
from core.workspace.jobs import Export, Exports, Jobs, Order, Source
from core.workspace.jobs.job import W, Work
from core.workspace.media import Proxies
from core.workspace.sources import receive
from tests.machine.refusing_disk import FULL, READ_ONLY, refusing

FILM, OTHER_FILM = b"film" * 100, b"other film" * 100
LINE = "the line of the log"


class NoChildren:
    """A launcher whose children have ended as soon as they were started."""

    def start(self, command: Any, arguments: Any, folder: Path, **variables: str) -> int:
        (folder / "progress").write_bytes(b"")
        return 2**22 + 1

    def alive(self, job: Work) -> bool:
        return False

    def stop(self, job: W, save: Callable[[W], None]) -> None:
        pass


def digest_of(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


ORDER = Order((Source("gate", "gate.mp4", digest_of(FILM)),), "a detector")
EXPORT = Export("gallery", ORDER.key, "s")


@dataclass(frozen=True)
class World:
    """A case with an upload, a run and a decision; one that was set aside; and a back-up of one that is not here."""

    home: Path
    case: Case
    aside: Case
    archive: Path


def uploaded(content: bytes, name: str) -> CaseClip:
    with receive(name) as upload:
        upload.add(content)
        stored = upload.finish(len(content))
        return CaseClip(Path(name).stem, str(stored.path), stored.digest)


def make_case(name: str, *clips: CaseClip, run: str) -> Case:
    case = services().cases.new(name)
    crop = cache_dir() / "runs" / run / "out" / "crops" / "gate" / "t1.jpg"
    crop.parent.mkdir(parents=True, exist_ok=True)
    crop.write_text("crop")
    (cache_dir() / "runs" / run / "job.json").write_text(json.dumps({"order": asdict(ORDER), "began": 1.0}))
    save_review(services().cases.review_file(case.key), Review((Action("note", "seen", 0.0),), run=run))
    return services().cases.change(case.key, lambda old: replace(old.with_clips(clips), run=run), LINE)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    home = tmp_path / "cache"
    monkeypatch.setenv("SIGHTLINE_CACHE", str(home))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(tmp_path / "footage"))
    serve_with(
        Services(
            jobs=Jobs(launcher=NoChildren()),
            exports=Exports(launcher=NoChildren()),
            proxies=Proxies(launcher=NoChildren()),
        )
    )
    gone = make_case("Bank", uploaded(OTHER_FILM, "hall.mp4"), run="34" * 10)
    back_up(services().cases, gone, tmp_path / "bank.zip", clips=True)
    erase(services(), gone)
    aside = make_case("Till", uploaded(b"third", "till.mp4"), run="56" * 10)
    set_aside(services(), aside)
    case = make_case("Shop", uploaded(FILM, "gate.mp4"), run=ORDER.key)
    made = World(home, case, aside, tmp_path / "bank.zip")
    shutil.copytree(home, tmp_path / "template")
    yield made
    serve_with(None)


def names() -> list[str]:
    return sorted(case.name for case in services().cases.all())


def start_export() -> None:
    services().exports.start(EXPORT, cache_dir() / "runs" / ORDER.key / "out")


def request_film(world: World) -> None:
    clip = world.case.clips[0]
    state = services().proxies.request(Clip(clip.path, clip.digest, 64, 48, np.array([0.0]), 0, "h264", "mp4"))
    if state.fault and "cannot be made" in state.fault:
        raise SightlineError(state.fault)


def said(answer: Saved | Refused) -> None:
    if isinstance(answer, Refused):
        raise SightlineError(answer.reason)


class Operation(NamedTuple):
    """What somebody does, and whether it is done."""

    do: Callable[[World], object]
    is_done: Callable[[World], bool]


def backup_of(world: World) -> Path:
    return data_dir() / "backups" / f"{world.case.key}.zip"


def is_gone(world: World) -> bool:
    return world.case.name not in names()


def purpose_changed(world: World) -> object:
    return services().cases.change(world.case.key, lambda case: replace(case, purpose="theft"), "purpose: theft")


def has_threshold(world: World) -> bool:
    return not is_gone(world) and services().cases.load(world.case.key).threshold == 0.5


OPERATIONS = {
    "new": Operation(lambda w: services().cases.new("Kiosk"), lambda w: "Kiosk" in names()),
    "change": Operation(purpose_changed, lambda w: services().cases.load(w.case.key).purpose == "theft"),
    "threshold": Operation(lambda w: set_threshold(w.case, 0.5), has_threshold),
    "log": Operation(
        lambda w: services().cases.log(w.case.key, "exported"),
        lambda w: any("exported" in line for line in services().cases.log_lines(w.case.key)),
    ),
    "undo": Operation(lambda w: said(undo(w.case)), lambda w: not review_of(w.case).done),
    "back up": Operation(
        lambda w: back_up(services().cases, w.case, backup_of(w), clips=True), lambda w: backup_of(w).exists()
    ),
    "restore": Operation(lambda w: restore(services(), w.archive), lambda w: "Bank" in names()),
    "upload": Operation(
        lambda w: uploaded(b"new" * 100, "new.mp4"),
        lambda w: (data_dir() / "uploads" / digest_of(b"new" * 100) / "new.mp4").exists(),
    ),
    "set aside": Operation(lambda w: set_aside(services(), w.case), is_gone),
    "take back": Operation(lambda w: take_back(services(), w.aside.key), lambda w: "Till" in names()),
    "delete": Operation(lambda w: erase(services(), w.case), is_gone),
    "run": Operation(
        lambda w: services().jobs.start(replace(ORDER, detector="another")),
        lambda w: (cache_dir() / "runs" / replace(ORDER, detector="another").key / "progress").exists(),
    ),
    "forget run": Operation(
        lambda w: services().jobs.forget(ORDER.key), lambda w: not (cache_dir() / "runs" / ORDER.key).exists()
    ),
    "export": Operation(
        lambda w: start_export(), lambda w: (cache_dir() / "exports" / EXPORT.key / "progress").exists()
    ),
    "film": Operation(request_film, lambda w: any((cache_dir() / "proxies").glob("*/progress"))),
    "sweep": Operation(lambda w: sweep(services()), lambda w: True),
}


@pytest.mark.parametrize("code", [FULL, pytest.param(READ_ONLY, marks=pytest.mark.slow)], ids=["full", "read-only"])
@pytest.mark.parametrize(
    "name",
    [
        *sorted(OPERATIONS.keys() - {"restore", "export"}),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("restore", "export")),
    ],
)
def test_refused_at_any_step_nothing_is_lost(world: World, tmp_path: Path, name: str, code: int) -> None:
    operation = OPERATIONS[name]
    with refusing(world.home, code, 10**9) as disk:
        operation.do(world)
    assert operation.is_done(world)
    for first in range(1, disk.steps + 1):
        shutil.rmtree(world.home)
        shutil.copytree(tmp_path / "template", world.home)
        refusal = None
        with refusing(world.home, code, first):
            try:
                operation.do(world)
            except SightlineError as fault:
                refusal = fault
        assert operation.is_done(world) or refusal is not None, first
        # A disk that turns read-only between two steps lets nobody take the first one back.
        assert refusal is None or not operation.is_done(world) or code == READ_ONLY, first
        assert refusal is None or any(words in str(refusal) for words in (os.strerror(code), "the disk is full")), first
        if code == READ_ONLY:
            # What was half made cannot be removed from there; the next start or sweep does it.
            sweep(services())
        check(world, name)
        if not operation.is_done(world):
            operation.do(world)
        assert operation.is_done(world), first


def check(world: World, name: str) -> None:
    """Whatever was refused, each case is whole, and nothing half made lies about."""
    cases = services().cases
    assert cases.unreadable() == [] and services().deleted.unreadable() == []
    kept = {*names(), *(case.name for case in services().deleted.all())}
    assert {"Shop", "Till"} - kept <= ({"Shop"} if name == "delete" else set())
    for case in [*cases.all(), *services().deleted.all()]:
        assert all(content_digest(Path(clip.path)) == clip.digest for clip in case.clips)
    if name != "delete":
        shop = cases if world.case.name in names() else services().deleted
        assert any(LINE in line for line in shop.log_lines(world.case.key))
    left = [path for path in world.home.rglob(".*") if path.suffix in (".part", ".new")]
    assert left == []
