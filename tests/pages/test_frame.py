"""The frame: the first page opens, faults become advice, a missing library is said, the app declares its routes."""

import ast
import asyncio
import gc
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.base.errors import StoreError
from core.machine import device as system
from core.machine import relocate
from core.workspace import services
from core.workspace.cases import CaseClip, Cases
from tests.pages.making import PAGES, clip_at, page

ROOT = PAGES.parent
FRAME = str(PAGES / "parts" / "shell" / "frame.py")


def test_the_first_page_opens() -> None:
    app = AppTest.from_file(FRAME, default_timeout=30).run()
    assert not app.exception
    assert app.title[0].value == "Sightline"


def test_what_was_imported_is_exempt_from_the_collection_after_every_rerun(own_house: Path) -> None:
    """Streamlit collects all garbage after each rerun of anybody, while everybody waits: half of a rerun's time."""
    import app

    with asyncio.Runner() as runner:
        running = app._start(app.app)
        runner.run(running.__aenter__())
        exempt = gc.get_freeze_count()
        runner.run(running.__aexit__(None, None, None))
    assert exempt > 50_000 and gc.get_freeze_count() == 0


def test_after_a_deletion_the_footage_page_opens() -> None:
    app = AppTest.from_file(FRAME, default_timeout=30)
    app.session_state["go to footage"] = True
    app.run()
    assert not app.exception and not app.error
    assert app.title[0].value == "Sightline" and "go to footage" not in app.session_state


def test_a_page_drawn_by_a_test_leaves_no_measurement_of_models_behind(own_house: Path) -> None:
    clip = clip_at(own_house)
    case = services().cases.new("Shop")
    services().cases.change(case.key, lambda old: old.with_clips([CaseClip("gate", clip.path, clip.digest)]))
    assert not page("run").run().exception
    children = [child for child in psutil.process_iter(["cmdline", "ppid"]) if child.info["ppid"] == os.getpid()]
    assert not [child for child in children if "models" in (child.info["cmdline"] or ())]


def test_a_missing_library_is_advice_not_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(module: str = "cv2") -> None:
        raise system.MissingLibrary(*system.library_advice("libGL.so.1: cannot open shared object file"))

    monkeypatch.setattr(system, "require_opencv", refuse)
    app = AppTest.from_file(FRAME, default_timeout=30).run()
    assert not app.exception
    assert "libgl1" in app.error[0].value
    assert not app.title


def test_a_fault_of_a_page_is_shown_as_advice(own_house: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "file" / "cache"))
    app = AppTest.from_file(FRAME, default_timeout=30).run()
    assert not app.exception
    assert app.error


def test_where_the_data_of_0_1_0_went_is_said_once(own_house: Path, tmp_path: Path) -> None:
    case = Cases(tmp_path / "cache" / "cases").new("Shop")
    app = AppTest.from_file(FRAME, default_timeout=30).run()
    assert not app.exception and "were moved" in app.toast[0].value
    assert services().cases.load(case.key).name == "Shop"
    assert not app.run().toast


def test_a_running_server_of_0_1_0_is_advice(own_house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(cache: Path) -> None:
        raise StoreError("An earlier version of Sightline is running (process 7)", "End it.")

    case = Cases(tmp_path / "cache" / "cases").new("Shop")
    with monkeypatch.context() as patch:
        patch.setattr(relocate, "_require_nothing_old_runs", refuse)
        app = AppTest.from_file(FRAME, default_timeout=30).run()
        assert not app.exception and "process 7" in app.error[0].value
    assert "were moved" in app.run().toast[0].value
    assert services().cases.load(case.key).name == "Shop"


def test_every_page_has_an_address_unlike_its_file() -> None:
    from pages.parts.shell.navigation import _PAGES

    addresses = [address for _, _, address, _ in _PAGES.values()]
    assert len(set(addresses)) == len(addresses)
    assert not set(addresses) & {Path(file).stem for file, *_ in _PAGES.values()}


def test_the_app_declares_frame_and_routes() -> None:
    import app

    assert isinstance(app.app, st.App)
    assert app.app.script_path == Path(FRAME)


def test_the_first_page_is_imported_without_what_takes_long_to_import() -> None:
    """What the app, its frame and the Footage page import, in a fresh interpreter."""
    lines = [
        ast.unparse(node)
        for name in ("app.py", "pages/parts/shell/frame.py", "pages/footage.py")
        for node in ast.parse((ROOT / name).read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("core", "pages")
    ]
    assert len(lines) > 10
    code = "\n".join(
        [*lines, "import sys", 'print({"torch", "openvino", "cv2", "ultralytics", "pydantic"} & set(sys.modules))']
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
