"""A record that is damaged, or of a newer version, breaks no page: each is drawn, and says which file and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.machine.paths import cache_dir
from core.review import Review, save_review
from core.workspace import services, session_of
from core.workspace.cases import Case, Cases
from core.workspace.jobs import CameraStatus, RunStatus, write_status
from pages.parts.download.exports import export_of
from tests.pages.making import PAGES, words
from tests.review.making import big_case

ALL = ("footage", "regions", "run", "gallery", "similarity", "download")
PEOPLE = ("gallery", "similarity", "download")


def framed(name: str, case: Case) -> AppTest:
    """A page as the frame draws it: with the sidebar, and faults as advice."""
    frame = (PAGES / "parts" / "shell" / "frame.py").read_text(encoding="utf-8")
    page = (PAGES / f"{name}.py").read_text(encoding="utf-8")
    # AppTest knows no navigation: the page's script stands in for the page that the frame runs.
    before, after = frame.split("page = st.navigation(", 1)
    run_page = f"exec(compile({page!r}, {name!r}, 'exec'), globals())"
    after = after[after.index("try:\n") :].replace("page.run()", run_page)
    script = f"__file__ = {str(PAGES / 'parts' / 'shell' / 'frame.py')!r}\n{before}{after}"
    app = AppTest.from_string(script, default_timeout=30)
    app.query_params["case"] = case.key
    return app.run()


def everything(app: AppTest) -> str:
    return "\n".join([words(app), *(code.value for code in app.code), *(toast.value for toast in app.toast)])


@pytest.fixture
def case(own_house: Path) -> Case:
    """It shows a finished run, which wrote a status."""
    case = big_case(cameras=2, people=3, tracklets=8, crops=2, seconds=20, noise=0.1)
    folder = cache_dir() / "runs" / case.run
    job = json.loads((folder / "job.json").read_text())
    (folder / "job.json").write_text(json.dumps({"order": job["order"], "began": job["began"], "attempt": "a1"}))
    cameras = tuple(CameraStatus(clip.camera, "done", 4, 40) for clip in case.clips)
    write_status(folder, RunStatus("a1", "done", cameras=cameras))
    return case


def _other_case(case: Case) -> Path:
    return Cases().folder(Cases().new("Other").key) / "case.json"


def _review(case: Case) -> Path:
    file = Cases().review_file(case.key)
    save_review(file, Review())
    return file


def _export(case: Case) -> Path:
    session = session_of(case)
    assert session is not None
    file = cache_dir() / "exports" / export_of(case, session, "gallery", "").key / "job.json"
    file.parent.mkdir(parents=True)
    return file


@dataclass(frozen=True)
class Kind:
    """The file of a record, the pages that are drawn, and those of them that must name the file."""

    file: Callable[[Case], Path]
    pages: tuple[str, ...]
    naming: tuple[str, ...]


KINDS = {
    "case": Kind(_other_case, ("footage", "gallery"), ("footage", "gallery")),
    "review": Kind(_review, ALL, PEOPLE),
    "job": Kind(lambda case: cache_dir() / "runs" / case.run / "job.json", ALL, ALL),
    "status": Kind(lambda case: cache_dir() / "runs" / case.run / "status.json", ALL, ("run", "gallery", "similarity")),
    "run": Kind(lambda case: cache_dir() / "runs" / case.run / "out" / "run.json", ALL, PEOPLE),
    "export": Kind(_export, ("run", "download"), ("download",)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize(
    ("text", "reason"), [('{"format": 1, "x', "it is no"), ('{"format": 99}', "made by a newer version of Sightline")]
)
def test_every_page_is_drawn_and_the_file_is_named(case: Case, kind: Kind, text: str, reason: str) -> None:
    file = kind.file(case)
    file.write_text(text)
    for name in kind.pages:
        app = framed(name, case)
        assert not app.exception, name
        if name in kind.naming:
            assert str(file) in everything(app) and reason in everything(app), (name, everything(app))
    assert file.read_text() == text
    assert case in services().cases.all()
