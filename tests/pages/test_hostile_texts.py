"""Every page with texts of others that would be pictures, links or signs if they reached it as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from core.machine.paths import cache_dir
from core.review import name, note
from core.vision.regions import Region, Regions
from core.workspace import act, services, set_aside
from core.workspace.cases import Case, CaseClip, Cases
from core.workspace.jobs import Order, Source
from pages.parts.shell.markdown import escape
from tests.pages.making import PAGES, clip_at, finished_run, page
from tests.review.making import big_case

EVIL = "![x](http://evil.example) <img src=x> $y$ :smile:"
FILE = "![x](http:evil.example) <img src=x> $y$ :smile:.mp4"
RAW = "![x]("
"""What both have in common; escaped texts have a backslash in it."""
RENDERED = {"body", "label", "help", "text", "caption", "content", "title", "tooltip"}


def rendered_texts(message: Message) -> Iterator[str]:
    """The texts of an element that Streamlit renders as Markdown, and those of what is in it."""
    if message.DESCRIPTOR.name in ("Code", "ComponentInstance", "BidiComponent", "Arrow"):
        return
    for descriptor, value in message.ListFields():
        is_repeated = not isinstance(value, Message | str | bytes | int | float | bool)
        for item in value if is_repeated else [value]:
            if isinstance(item, Message):
                yield from rendered_texts(item)
            elif isinstance(item, str) and descriptor.name in RENDERED:
                yield item


def messages(node: Any) -> Iterator[Message]:
    """The element of a node of the page, and those of all nodes below it."""
    if isinstance(proto := getattr(node, "proto", None), Message):
        yield proto
    for child in getattr(node, "children", {}).values():
        yield from messages(child)


def drawn(app: AppTest) -> str:
    """All that the page renders; none of it is raw."""
    assert not app.exception
    texts = [text for message in messages(app._tree) for text in rendered_texts(message)]
    assert [text for text in texts if RAW in text] == []
    return "\n".join(texts)


@pytest.fixture
def footage_case(own_house: Path) -> Case:
    """A clip with such a name, one that is missing and one that has changed; a run of which a camera failed."""
    clips = [clip_at(own_house, f"{number}{FILE}", 20 + number) for number in range(3)]
    regions = Regions((Region("polygon", ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9)), name=EVIL),))
    listed = [CaseClip(f"cam{number}", clip.path, clip.digest, regions=regions) for number, clip in enumerate(clips)]
    gone = CaseClip("gone", str(own_house / f"gone{FILE}"), "ab" * 16)
    other = CaseClip("other", clips[0].path, "cd" * 16)
    sources = (Source(f"cam{number}", clip.path, clip.digest) for number, clip in enumerate(clips))
    order = Order(tuple(sources), "person-yolo11n-2")
    run = finished_run(order, clips, failed={"cam1": EVIL})
    return Cases().change(
        Cases().new(EVIL, EVIL).key, lambda old: replace(old.with_clips([*listed, gone, other]), run=run)
    )


@pytest.fixture
def reviewed() -> Case:
    """A case whose people have such names."""
    case = big_case(cameras=2, people=3, tracklets=6, crops=2, seconds=10)
    case = Cases().change(case.key, lambda old: replace(old, name=EVIL, purpose=EVIL))
    for command in (name, note):
        act(case, lambda session, command=command: command(session, 1, EVIL))  # type: ignore[misc]
    record = cache_dir() / "runs" / case.run / "out" / "run.json"
    content = json.loads(record.read_text())
    content["program"] = content["models"]["embedder"]["licence"] = content["models"]["detector"]["name"] = EVIL
    for camera in content["cameras"].values():
        camera["notes"] = [EVIL]
    record.write_text(json.dumps(content))
    return case


@pytest.mark.slow
@pytest.mark.parametrize("path", ["footage", "regions", "run"])
def test_footage_and_runs_render_no_text_of_others(footage_case: Case, path: str) -> None:
    app = page(path)
    app.query_params["case"] = footage_case.key
    app.session_state["refused"] = EVIL
    app.session_state["setting refused"] = EVIL
    texts = drawn(app.run())
    assert escape(EVIL) in texts or escape(FILE) in texts


@pytest.mark.slow
@pytest.mark.parametrize("path", ["gallery", "similarity", "download", "about"])
def test_results_render_no_text_of_others(reviewed: Case, path: str) -> None:
    app = page(path)
    app.query_params["case"] = reviewed.key
    app.session_state["setting refused"] = EVIL
    app.session_state["export refused gallery"] = EVIL
    texts = drawn(app.run())
    assert path in ("similarity", "about") or escape(EVIL) in texts


@pytest.mark.slow
def test_the_dialog_of_a_sighting_renders_no_text_of_others(reviewed: Case) -> None:
    app = AppTest.from_function(open_dialog, kwargs={"key": reviewed.key, "evil": EVIL}, default_timeout=30).run()
    assert escape(EVIL) in drawn(app)


def open_dialog(key: str, evil: str) -> None:
    from core.runs import TrackKey
    from core.workspace import session_of
    from core.workspace.cases import Cases
    from pages.parts.gallery.moment import request_moment, show_moment

    case = Cases().load(key)
    session = session_of(case)
    assert session is not None
    request_moment(TrackKey("cam1", 1), 1.0, evil)
    show_moment(case, session)


@pytest.mark.slow
def test_the_sidebar_renders_no_text_of_others(footage_case: Case) -> None:
    deleted = Cases().new(EVIL)
    set_aside(services(), deleted)
    unreadable = Cases().new("x")
    (Cases().folder(unreadable.key) / "case.json").write_text(json.dumps({"format": 1, "name": EVIL, "expires": EVIL}))
    app = AppTest.from_file(str(PAGES / "parts" / "shell" / "frame.py"), default_timeout=30)
    app.query_params["case"] = footage_case.key
    app.session_state["case said"] = EVIL
    app.session_state[f"delete {footage_case.key}"] = True
    texts = drawn(app.run())
    assert escape(EVIL) in texts
