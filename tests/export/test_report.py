"""The page: self-contained, escaped, and complete; and the contact sheets."""

import base64
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.export import CaseFacts, DecisionFact, write_zip
from core.export.contact_sheets import ABOVE, CELL_WIDTH, GAP, HEAD, LABEL, MARGIN, TEXT, draw_sheets
from core.export.facts import Original
from core.export.full_frames import FullFrames
from core.export.html_report import MAX_SIGHTINGS_WITH_CROPS, render_report
from core.machine.canvas import Canvas
from core.runs import Gallery, TrackKey
from tests.export.making import UNSAFE, jpeg, loose, seen, some, unpacked


class Page(HTMLParser):
    """Tags, attributes and text of a page, and that every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page_of(gallery: Gallery, blur: bool = True, frames: FullFrames | None = None) -> tuple[str, Page]:
    text = "".join(render_report(gallery, lambda crop: jpeg(crop.frame), blur, frames))
    return text, Page(text)


def test_names_that_a_user_typed_are_text() -> None:
    text, page = page_of(some(people=UNSAFE))
    assert "script" not in {tag for tag, _ in page.tags} and "<script" not in text
    assert "&lt;script&gt;alert(&#39;you &amp; me&#39;)&lt;/script&gt;" in text
    assert "\N{WAVING HAND SIGN} line break \ufffd" in page.words and text.encode()
    assert page.words.count("../../x") == 2  # in the overview and over the pictures, nowhere else


def test_every_text_from_outside_is_text() -> None:
    """Of the case, of the run, of clips and of whoever decided; also in the style, which has the title of the pages."""
    evil = '"}</style></dd><script>alert(1)</script> \\n & {{ 7*7 }}'
    facts = CaseFacts(evil, evil, evil, evil, evil, evil, (DecisionFact(evil, evil, (TrackKey("cam1", 3),), evil),))
    original = Original("cam1", evil, sha256=evil, missing="")
    clip = {"camera": "cam1", "width": 1, "height": 1, "frames": 1, "notes": [evil], "failed": evil}
    models = {"detector": {"name": evil, "sha256": evil, "trained_on": evil}, evil: evil}
    run = {"cameras": [clip], "models": models, "versions": {evil: evil}, "program": evil, "regions": {evil: {}}}
    about = {
        "case": asdict(facts),
        "originals": [asdict(original), asdict(replace(original, missing=evil))],
        "purpose": evil,
        "keep_until": evil,
        "heads_shown_because": evil,
        "run": run,
        "matching": {"words": evil},
    }
    text, page = page_of(some(notes=(evil,), about=about), frames=FullFrames(missing={"cam1": evil}))
    assert "script" not in {tag for tag, _ in page.tags} and "<script" not in text and text.count("</style>") == 1
    assert "49" not in "".join(page.words) and len([word for word in page.words if "alert(1)" in word]) > 20


def test_nothing_is_loaded_and_nothing_runs() -> None:
    text, page = page_of(some())
    links = [v for _, a in page.tags for k, v in a.items() if k in {"src", "href", "action", "srcset"} and v]
    assert links and all(link.startswith(("data:image/jpeg;base64,", "#P")) for link in links)
    assert not re.search(r"url\(|@import|https?://|\bon\w+=", text)
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a)
    assert policy and policy.startswith("default-src 'none'")


def test_what_a_reader_looks_for() -> None:
    text, page = page_of(some())
    assert "These are candidates until somebody confirms them." in page.words
    assert "People can be missed: a gap is no proof of absence." in text
    assert {"Found", "seen once", "no other sighting"} <= set(page.words)
    assert {"0:01:23 to 0:01:30 (7.2 s)", "0.81", "red top, dark blue bottom", "confirmed", "doubtful"} <= set(
        page.words
    )
    pictures = [a for tag, a in page.tags if tag == "img"]
    assert len(pictures) == 10 and pictures[0]["alt"] == "P001 in cam1 at 0:00:10, red top, dark blue bottom"
    first = base64.b64decode((pictures[0]["src"] or "").split(",")[1])
    assert first == jpeg(250)
    assert "prefers-color-scheme: dark" in text and "@media print" in text
    assert {"none: made from the folder of a run", "0 of 3 confirmed by somebody who compared the pictures"} <= set(
        page.words
    )
    assert "cam3 could not be read" in page.words and "no date was given" in page.words


def test_links_lead_somewhere() -> None:
    _, page = page_of(some())
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert ids == ["P001", "P002", "P003"]
    assert [a["href"] for tag, a in page.tags if tag == "a"] == [f"#{name}" for name in ids]


def test_a_crowd_gets_one_picture_each() -> None:
    one = seen("cam1", 1, 1)
    many = Gallery(tuple(replace(one, track=track) for track in range(MAX_SIGHTINGS_WITH_CROPS + 1)))
    _, page = page_of(many)
    assert sum(tag == "img" for tag, _ in page.tags) == MAX_SIGHTINGS_WITH_CROPS + 1


def test_pictures_without_times_pretend_none(tmp_path: Path) -> None:
    text, page = page_of(loose())
    assert not re.search(r"\d:\d\d:\d\d", "".join(page.words)) and "nan" not in "".join(page.words)
    assert {"picture 3", "3 pictures", "1 picture"} <= set(page.words) and "It is unknown when" in text
    assert next(a["alt"] for tag, a in page.tags if tag == "img") == "P001 in cam1, picture 1"
    write_zip(loose(), {}, tmp_path / "g.zip")
    content = unpacked(tmp_path / "g.zip")
    assert [name for name in content if name.startswith("people/")][:3] == [
        "people/P001/cam1_p000001_t0001.jpg",
        "people/P001/cam1_p000002_t0001.jpg",
        "people/P001/cam1_p000003_t0002.jpg",
    ]
    assert b"came without clips" in content["README.txt"]
    write_zip(some(), {}, tmp_path / "timed.zip")
    assert b"came without clips" not in unpacked(tmp_path / "timed.zip")["README.txt"]


def sheet_sizes(path: Path) -> dict[str, tuple[int, ...]]:
    content = {name: value for name, value in unpacked(path).items() if name.startswith("contact_sheet")}
    return {name: cv2.imdecode(np.frombuffer(value, np.uint8), 1).shape for name, value in content.items()}


@pytest.mark.parametrize(("people", "pages"), [(1, 1), (10, 1), (11, 2), (21, 3)])
def test_a_contact_sheet_has_a_row_per_person_and_a_sensible_size(tmp_path: Path, people: int, pages: int) -> None:
    write_zip(Gallery(tuple(seen("cam1", n, n) for n in range(1, people + 1))), {}, tmp_path / "g.zip")
    sizes = sheet_sizes(tmp_path / "g.zip")
    expected = ["contact_sheet.jpg", "contact_sheet_2.jpg", "contact_sheet_3.jpg"][:pages]
    assert list(sizes) == expected
    assert all(shape[1] == 1200 and shape[0] < 2600 for shape in sizes.values())


@pytest.mark.parametrize("name", ["入口", "出口", "Ä", "A", "Tür", "Вход"])
def test_the_sheet_has_the_cameras_names_as_written(name: str) -> None:
    (page,) = draw_sheets(Gallery((seen(name, 1, 1), seen("side", 1, 1))), lambda crop: np.zeros((9, 4, 3), np.uint8))
    expected = Canvas(CELL_WIDTH, ABOVE)
    expected.text(name, 0, 17, TEXT)
    left = MARGIN + LABEL + (0 if name < "side" else 2) * (CELL_WIDTH + GAP)
    strip = page[HEAD + 1 : HEAD + ABOVE - 2, left : left + CELL_WIDTH]
    assert np.array_equal(strip, expected.as_image()[1 : ABOVE - 2])
    assert (strip < 128).any()


def test_cameras_of_any_script_and_people_without_pictures(tmp_path: Path) -> None:
    sightings = (seen("入口", 1, 1), seen("Tür", 2, 1, crops=0), *(seen("a" * 80, n, 1, crops=1) for n in range(40)))
    write_zip(Gallery(sightings), {}, tmp_path / "g.zip")
    content = unpacked(tmp_path / "g.zip")
    assert "people/P001/入口_00-00-10.0_t0001.jpg" in content and "入口".encode() in content["report.html"]
    assert b"No picture." in content["report.html"] and len(sheet_sizes(tmp_path / "g.zip")) == 1
