"""The README and docs/ promise nothing that is not there: commands, flags, variables, files and links are real."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from core.cli import COMMANDS, parser

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ALL = "\n".join([README, *(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("docs/*.md")))])
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", ALL, re.M | re.S)
LINES = [line.strip() for block in BLOCKS for line in re.sub(r"\\\n\s*", "", block).splitlines()]
COMMAND_LINES = [line.split("-m core", 1)[1].split("#")[0].strip() for line in LINES if "-m core" in line]


def options(p: argparse.ArgumentParser) -> set[str]:
    """Every flag that a parser, and the commands below it, show in their help."""
    found = set()
    for action in p._actions:
        if action.help != argparse.SUPPRESS:
            found |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*map(options, action.choices.values()))
    return found


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    actions = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(next(actions).choices)


@pytest.mark.parametrize("words", COMMAND_LINES)
def test_every_command_is_understood(words: str) -> None:
    parsed = parser().parse_args(shlex.split(words))
    assert callable(parsed.run)


def test_every_command_is_shown() -> None:
    shown = {words.split()[0] for words in COMMAND_LINES}
    assert shown == {command.name for command in COMMANDS}


def test_every_flag_named_in_a_sentence_is_real() -> None:
    named = set(re.findall(r"`(--[a-z-]+)", ALL))
    assert named and named <= options(parser())


def test_every_flag_of_a_run_is_explained() -> None:
    """Whatever `run` and `gallery` understand stands somewhere in the documents."""
    known = {name for command in ("run", "gallery") for name in options(commands()[command])}
    named = set(re.findall(r"--[a-z-]+", ALL))
    assert {name for name in known if name.startswith("--")} - named == set()


def test_every_make_target_is_real() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z-]+)", ALL)) | {w.split()[1] for w in LINES if w.startswith("make ")}
    assert {"run", "test", "test-all", "check", "coverage", "bench", "lock"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.M))


def test_every_variable_is_read_somewhere() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("core/**/*.py"))
    named = set(re.findall(r"SIGHTLINE_[A-Z_]*[A-Z]", ALL))
    assert named and {name for name in named if name not in source} == set()


def test_every_link_leads_somewhere() -> None:
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")]
    links = [(d, link) for d in documents for link in re.findall(r"\]\(([^)#\s]+)", d.read_text(encoding="utf-8"))]
    assert links and [link for d, link in links if "://" not in link and not (d.parent / link).exists()] == []


def test_every_heading_that_is_linked_to_is_there() -> None:
    for document in (ROOT / "README.md", *ROOT.glob("docs/*.md")):
        for path, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", document.read_text(encoding="utf-8")):
            aim = (document.parent / path) if path else document
            heads = re.findall(r"^#+ (.*)$", aim.read_text(encoding="utf-8"), re.M)
            assert anchor in {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_app_is_shown_in_few_and_small_pictures() -> None:
    """Each page has one, each is shown, and nobody waits for them."""
    pictures = {path.relative_to(ROOT).as_posix(): path.stat().st_size for path in ROOT.glob("docs/screenshots/*")}
    assert set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)) == set(pictures)
    # About is a page of text.
    assert {path.stem for path in ROOT.glob("pages/*.py")} - {"about"} <= {Path(name).stem for name in pictures}
    assert len(pictures) <= 10 and max(pictures.values()) <= 250_000


def test_the_region_file_shown_can_be_read(tmp_path: Path) -> None:
    from core.vision.regions import load_regions

    shown = [block for block in BLOCKS if "sightline-regions" in block]
    assert len(shown) == 1
    (tmp_path / "gate.json").write_text(shown[0], encoding="utf-8")
    regions = load_regions(tmp_path / "gate.json", 640, 480)
    assert {region.mode for region in regions.regions} == {"include", "exclude"}


def test_the_links_shown_can_be_read(tmp_path: Path) -> None:
    from core.runs import read_links

    shown = [block for block in BLOCKS if block.startswith("camera,track,other_camera")]
    assert len(shown) == 1
    (tmp_path / "links.csv").write_text(shown[0], encoding="utf-8")
    assert [link.decision for link in read_links(tmp_path / "links.csv")] == [
        *("same", "different", "cut", "same", "person", "thing")
    ]
