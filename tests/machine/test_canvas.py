"""Text is drawn as written in every script of the font, what the font lacks is a box, and pictures lie where asked."""

import unicodedata

import numpy as np
import pytest
from PIL import ImageFont

from core.base.types import Image
from core.machine.canvas import FONT, Canvas, fit_image, shorten, text_width


def written(text: str, bold: bool = False) -> Image:
    canvas = Canvas(300, 40)
    canvas.text(text, 10, 28, 16, (0, 0, 0), bold=bold)
    return canvas.as_image()


def ink(page: Image) -> int:
    return int((page < 128).any(axis=2).sum())


@pytest.mark.parametrize(
    "text", ["入口", "出口", "Ä", "A", "Türe", "Ture", "Ελλάδα", "Дверь", "とびら", "ドア", "서울", "ñ", "camera 1"]
)
def test_every_script_is_drawn_as_written(text: str) -> None:
    """Every letter has a picture of its own, which is neither empty nor the box of a missing letter."""
    box = written("\U0010fffd")
    for letter in text.replace(" ", ""):
        page = written(letter)
        assert ink(page) > 5 and not np.array_equal(page, box)
    assert not np.array_equal(written(text), written("?" * len(text)))


@pytest.mark.parametrize(
    ("text", "other"), [("入口", "出口"), ("入口", "camera 1"), ("Ä", "A"), ("Türe", "Ture"), ("Дверь", "Двери")]
)
def test_names_that_differ_look_different(text: str, other: str) -> None:
    assert not np.array_equal(written(text), written(other))


@pytest.mark.parametrize("letter", ["\N{WAVING HAND SIGN}", "\N{ARABIC LETTER ALEF}", "\ud800", "\U0010fffd"])
def test_what_the_font_lacks_is_a_box(letter: str) -> None:
    page = written(letter)
    assert ink(page) > 10 and np.array_equal(page, written("\U0010fffe"))
    assert text_width(f"a{letter}b", 16) > text_width("ab", 16) + 3


def test_letters_with_their_accents_apart_are_joined() -> None:
    apart = unicodedata.normalize("NFD", "Türe Ä é")
    assert apart != "Türe Ä é" and np.array_equal(written(apart), written("Türe Ä é"))


def test_line_breaks_are_spaces() -> None:
    assert np.array_equal(written("a\nb\tc"), written("a b c"))


def test_bold_has_more_ink() -> None:
    assert ink(written("P003", bold=True)) > 1.2 * ink(written("P003"))


@pytest.mark.parametrize(("align", "share"), [("left", 0), ("middle", 0.5), ("right", 1)])
def test_text_lies_where_it_is_asked_to(align: str, share: float) -> None:
    canvas = Canvas(300, 40)
    canvas.text("HHHH", 150, 28, 16, (0, 0, 0), align=align)
    rows, columns = np.nonzero((canvas.as_image() < 128).any(axis=2))
    assert rows.max() == 27 and columns.min() == pytest.approx(150 - share * text_width("HHHH", 16), abs=3)
    assert columns.max() == pytest.approx(150 + (1 - share) * text_width("HHHH", 16), abs=3)


def test_what_is_too_long_is_cut_to_fit() -> None:
    short = shorten("入口" * 40, 92, 14)
    assert text_width(short, 14) <= 92 < text_width("入口" * 40, 14)
    assert short.endswith("…") and short[:-1] == ("入口" * 40)[: len(short) - 1] and len(short) > 3


def test_pictures_are_fitted_and_framed_outside() -> None:
    canvas = Canvas(100, 100)
    canvas.picture(np.full((80, 20, 3), (10, 20, 200), np.uint8), 20, 20, 40, 40)
    canvas.frame(20, 20, 40, 40, (1, 2, 3), 2)
    page = canvas.as_image()
    assert page[40, 40].tolist() == [10, 20, 200] and page[40, 22].tolist() == [240, 239, 238]
    framed = (page == (1, 2, 3)).all(axis=2)
    assert framed[18:62, 18:20].all() and framed[18:62, 60:62].all() and framed[18:20, 18:62].all()
    assert framed.sum() == 44 * 44 - 40 * 40 and page[5, 5].tolist() == [255, 255, 255]
    assert fit_image(page, 50, 20).shape == (20, 20, 3) and fit_image(page, 500, 200, grow=False).shape == page.shape


def test_the_font_comes_with_its_licence_and_is_small() -> None:
    assert sum(path.stat().st_size for path in FONT.parent.iterdir()) < 5_000_000
    assert "Apache License" in (FONT.parent / "LICENSE.txt").read_text(encoding="utf-8")
    assert ImageFont.truetype(str(FONT), 12).getname()[0] == "WenQuanYi Micro Hei"
