"""Texts that we did not write reach Markdown and HTML only through the functions that escape them."""

from __future__ import annotations

import re

import pytest

from pages.parts.shell.markdown import code, escape
from tests.pages.rendering import ROOT, Checker, page_sources


@pytest.mark.parametrize("is_html", [False, True], ids=["Markdown", "HTML"])
def test_every_text_of_others_is_escaped(is_html: bool) -> None:
    assert Checker(page_sources(), is_html).findings() == []


@pytest.mark.parametrize(
    "source",
    [
        "st.error(f'**{fault.message}**')",
        "st.markdown('**' + case.name)",
        "st.button('Go', help=clip.path)",
        "place.caption(', '.join(names))",
        "st.dialog(title(case))(draw)()\ndef title(case):\n    return f'{case.name}'",
        "def show(text):\n    st.info(text)\nshow(case.purpose)",
        "def show(text):\n    st.info(text)\nst.fragment(show)(case.purpose)",
        "def show(text):\n    st.info(text)\nst.button('Go', on_click=show, args=(case.purpose,))",
        "text = 'a'\ntext += case.name\nst.toast(text)",
        "for number, name in enumerate(names):\n    st.expander(name)",
        "lines = []\nlines.append(case.name)\nst.markdown('x'.join(lines))",
        "st.radio('Camera', cameras)",
        "st.segmented_control('Camera', cameras, format_func=lambda name: name)",
        "try:\n    go()\nexcept OSError as fault:\n    st.toast(str(fault))",
        "st.caption(f'{name:>10}')",
    ],
)
def test_a_text_that_is_not_escaped_is_found(source: str) -> None:
    assert Checker({"pages.x": source}).findings()


@pytest.mark.parametrize(
    "source",
    [
        "st.error(f'**{escape(fault.message)}** {count:,}')",
        "def show(text):\n    st.info(text)\nshow('a' if x else 'b')",
        "def show(text='none'):\n    st.info(text)\nshow()",
        "st.caption(' · '.join(f'{escape(name)}' for name in names))",
        "_WORDS = {'a': 'b'}\nst.caption(_WORDS[case.state])",
        "for place, name in enumerate(['a', 'b']):\n    st.caption(f'{place} {name}')",
        "st.selectbox('Case', names, format_func=lambda key: key)",  # a list that opens is plain text
        "st.radio('Camera', cameras, format_func=escape)",
    ],
)
def test_what_is_escaped_is_not_found(source: str) -> None:
    assert Checker({"pages.x": source}).findings() == []


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("cam_1.mp4", "cam_1.mp4"),
        ("Till 3, 31 May (late)", "Till 3, 31 May (late)"),
        ("at 14:03:10.9, 0:01:23", "at 14:03:10.9, 0:01:23"),
        ("_a_ **b** `c`", r"\_a\_ \*\*b\*\* \`c\`"),
        ("![x](http://evil.example/b.png)", "\\!\\[x\\](http\\:\u2060//evil.example/b.png)"),
        ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)\>"),
        ("[a](javascript:alert(1))", r"\[a\](javascript\:alert(1))"),
        ("$\\href{a}$", r"\$\\href{a}\$"),
        (":material/home: :smile:", "\\:\u2060material/home: \\:\u2060smile:"),
        (":red[x]", r"\:red\[x\]"),
        ("www.evil.example", "www\u2060.evil.example"),
        ("a@evil.example", "a@\u2060evil.example"),
        ("a\n# b", r"a \# b"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("=== a", r"\=== a"),
        ("a -- b -> c", "a \u2060-- b \u2060-\\> c"),
        ("&lt;", r"\&lt;"),
        ("clip\u202e4pm.exe", "clip\ufffd4pm.exe"),
        ("a | b", r"a \| b"),
    ],
)
def test_a_text_is_shown_as_it_is(text: str, markdown: str) -> None:
    assert escape(text) == markdown


def test_a_path_stays_in_its_type() -> None:
    assert code("/a/b c") == "`/a/b c`"
    assert code("a``b` www.x.y") == "``` a``b` www\u2060.x.y ```"


def test_no_script_makes_html_of_a_text() -> None:
    """Texts become text nodes and attributes that lead nowhere; the one piece of HTML is an icon of ours."""
    html = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|document\.write|\beval\(|srcdoc"
    )
    found = [
        line.strip()
        for path in sorted((ROOT / "pages").rglob("*.js"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if html.search(line)
    ]
    assert found == ["copy.innerHTML = COPY_ICON;"]
