"""Texts that we did not write, as Streamlit's own renderer draws them: as they are, wherever they stand."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core.base.text import one_line
from tests.browser.conftest import ROOT, serving, watched
from tests.browser.hostile import HOSTILE, foreign_elements, visible_text

SIGNS = [
    *"\\`*_{}[]()#+-.!|<>~:$&^=@/'\" ",
    "www.",
    "http://",
    "a@b.example",
    ":smile:",
    ":material/home:",
    "1.",
    "x",
    "é",
]
SCRIPT = """
import json, pathlib, streamlit as st
from pages.parts.shell.markdown import code, escape
texts = json.loads(pathlib.Path({texts!r}).read_text())
for number, text in enumerate(texts):
    with st.container(key=f"plain-{{number}}"):
        st.markdown(escape(text))
    with st.container(key=f"bold-{{number}}"):
        st.caption(f"**{{escape(text)}}** and :orange-badge[:material/warning: {{escape(text)}}] then {{code(text)}}")
for number, text in enumerate(texts[:{count}]):
    with st.container(key=f"label-{{number}}"):
        st.button(escape(text), key=f"b{{number}}")
        st.error(escape(text))
        st.checkbox(escape(text), key=f"c{{number}}", help=escape(text))
        st.expander(escape(text))
st.write("All is drawn.")
"""


def random_texts(count: int) -> list[str]:
    rng = random.Random(16)
    return ["".join(rng.choices(SIGNS, k=rng.randint(2, 14))) for _ in range(count)]


@pytest.mark.slow
def test_texts_are_drawn_as_they_are(
    chromium: Browser, fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [text for text in map(one_line, (*HOSTILE, *random_texts(300))) if text]
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(texts=str(tmp_path / "texts.json"), count=len(HOSTILE)))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with serving(tmp_path / "log", script=script) as server, watched(chromium, server) as tab:
        tab.goto("/")
        expect(tab.get_by_text("All is drawn.")).to_be_visible(timeout=60_000)
        # Some kinds of elements come with code that is loaded when they are first drawn.
        expect(tab.get_by_role("alert")).to_have_count(len(HOSTILE))
        expect(tab.get_by_role("checkbox")).to_have_count(len(HOSTILE))
        drawn = tab.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll("[class*=st-key-]")].map((box) =>
              [[...box.classList].find((name) => name.startsWith("st-key-")), box.textContent]))"""
        )
        wrong = []
        for number, text in enumerate(texts):
            plain = visible_text(drawn[f"st-key-plain-{number}"])
            bold = visible_text(drawn[f"st-key-bold-{number}"])
            if plain != text or bold.count(text) < 2 or (number < len(HOSTILE) and text not in plain):
                wrong.append((text, plain, bold))
        for number, text in enumerate(texts[: len(HOSTILE)]):
            if visible_text(drawn[f"st-key-label-{number}"]).count(text) < 4:
                wrong.append((text, drawn[f"st-key-label-{number}"], ""))
        assert wrong == []
        assert foreign_elements(tab, server) == []
