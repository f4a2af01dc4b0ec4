"""The README promises nothing that is not there: its commands, flags, variables, files and links are real."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from core.cli import COMMANDS, parser

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", README, re.M | re.S)
LINES = [line.strip() for block in BLOCKS for line in re.sub(r"\\\n\s*", "", block).splitlines()]
COMMAND_LINES = [line.split("-m core", 1)[1].split("#")[0].strip() for line in LINES if "-m core" in line]


def options(p: argparse.ArgumentParser) -> set[str]:
    """Every flag of a parser and of the commands below it."""
    found = set()
    for action in p._actions:
        found |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*map(options, action.choices.values()))
    return found


@pytest.mark.parametrize("words", COMMAND_LINES)
def test_every_command_is_understood(words: str) -> None:
    parsed = parser().parse_args(shlex.split(words))
    assert callable(parsed.run)


def test_every_command_is_shown() -> None:
    shown = {words.split()[0] for words in COMMAND_LINES}
    assert shown == {command.__name__.rsplit(".", 1)[1] for command in COMMANDS}


def test_every_flag_named_in_a_sentence_is_real() -> None:
    named = set(re.findall(r"`(--[a-z-]+)", README))
    assert named and named <= options(parser())


def test_every_make_target_is_real() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z]+)", README)) | {w.split()[1] for w in LINES if w.startswith("make ")}
    assert {"run", "test", "check", "bench", "lock"} <= named
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.M))


def test_every_variable_is_read_somewhere() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("core/**/*.py"))
    named = set(re.findall(r"SIGHTLINE_[A-Z]+", README))
    assert named and {name for name in named if name not in source} == set()


def test_every_link_leads_somewhere() -> None:
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")]
    links = [(d, link) for d in documents for link in re.findall(r"\]\(([^)#\s]+)", d.read_text(encoding="utf-8"))]
    assert links and [link for d, link in links if "://" not in link and not (d.parent / link).exists()] == []


def test_the_region_file_shown_can_be_read(tmp_path: Path) -> None:
    from core.regions import load_regions

    shown = [block for block in BLOCKS if "sightline-regions" in block]
    assert len(shown) == 1
    (tmp_path / "gate.json").write_text(shown[0], encoding="utf-8")
    regions = load_regions(tmp_path / "gate.json", 640, 480)
    assert {region.mode for region in regions.regions} == {"include", "exclude"}


def test_the_links_shown_can_be_read(tmp_path: Path) -> None:
    from core.people import read_links

    shown = [block for block in BLOCKS if block.startswith("camera,track,other_camera")]
    assert len(shown) == 1
    (tmp_path / "links.csv").write_text(shown[0], encoding="utf-8")
    assert [link["decision"] for link in read_links(tmp_path / "links.csv")] == ["same", "different", "cut", "same"]
