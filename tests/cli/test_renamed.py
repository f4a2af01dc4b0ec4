"""Flags and commands under their former names: they do the same, say the present name, and are not in the help."""

import re
import subprocess
import sys

import pytest

from core.cli import COMMANDS, parser
from core.cli.renamed_flags import note_former_command

REID = "train reid crops --out x"
TUNE = "train tune crops --out x"
RUN = "run a.mp4 --out x"
FLAGS = [
    (RUN, "--looks-only", "--ignore-positions", ""),
    ("gallery x", "--looks-only", "--ignore-positions", ""),
    ("query x y.jpg", "--whole", "--whole-picture", ""),
    ("evaluate tracks --truth a --result b", "--away", "--max-absence", "25"),
    ("evaluate reid crops --features f", "--aside", "--holdout", "3"),
    *(
        (command, *flag)
        for command in (REID, TUNE)
        for flag in (
            ("--aside", "--holdout", "3"),
            ("--also", "--extra-data", "more"),
            ("--beside", "--unlabelled-per-batch", "8"),
            ("--settled", "--freeze-bn", ""),
            ("--towards", "--regression-weight", "6"),
            ("--alike", "--similarity-weight", "20"),
            ("--metric", "--metric-weight", "0.5"),
            ("--identity", "--identity-weight", "0.5"),
            ("--smoothing", "--label-smoothing", "0.2"),
            ("--final", "--final-rate", "0.1"),
            ("--decay", "--weight-decay", "0.001"),
        )
    ),
    ("train detector d.yaml --out x", "--final", "--final-rate", "0.1"),
    ("train recompute-bn e.safetensors crops --out x", "--most", "--max-per-folder", "9"),
]
COMMAND_WORDS = [
    ("between", "interpolate", "a.pt b.pt --out c.pt --share 0.4"),
    ("means", "recompute-bn", "e.safetensors crops --out x"),
    ("rendered", "synthetic", "--out x --seeds 10-11"),
]


@pytest.mark.parametrize(("command", "former", "present", "value"), FLAGS)
def test_a_former_flag_does_the_same_and_says_its_present_name(
    command: str, former: str, present: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words, given = command.split(), [value] if value else []
    only = words[0]
    by_present = parser(only).parse_args([*words, present, *given])
    assert capsys.readouterr().err == ""
    by_former = parser(only).parse_args([*words, former, *given])
    assert vars(by_former) == vars(by_present) != vars(parser(only).parse_args(words))
    assert capsys.readouterr().err == f"{former} is now called {present}; it still works\n"


@pytest.mark.parametrize(("command", "former", "present", "value"), FLAGS)
def test_a_former_flag_is_not_in_the_help(
    command: str, former: str, present: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command.split()
    level = words[:2] if words[0] in ("train", "evaluate") else words[:1]
    with pytest.raises(SystemExit):
        parser(words[0]).parse_args([*level, "--help"])
    flags = re.findall(r"--[a-z-]+", capsys.readouterr().out)
    assert present in flags and former not in flags


def test_a_repeated_former_flag_adds_up() -> None:
    options = parser("train").parse_args([*REID.split(), "--also", "a", "--extra-data", "b", "--also", "c"])
    assert [path.name for path in options.extra_data] == ["a", "b", "c"]


@pytest.mark.parametrize(("former", "present", "rest"), COMMAND_WORDS)
def test_a_former_command_does_the_same_and_says_its_present_name(
    former: str, present: str, rest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    by_present, by_former = (parser("train").parse_args(["train", word, *rest.split()]) for word in (present, former))
    note_former_command(by_present)
    assert capsys.readouterr().err == ""
    note_former_command(by_former)
    assert capsys.readouterr().err == f"`{former}` is now called `{present}`; it still works\n"
    assert {**vars(by_former), "kind": present} == vars(by_present)


def test_a_former_command_is_not_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser("train").parse_args(["train", "--help"])
    listed = re.findall(r"^    ([a-z-]+)", capsys.readouterr().out, re.M)
    assert {"interpolate", "recompute-bn", "synthetic"} < set(listed)
    assert {"between", "means", "rendered"}.isdisjoint(listed)


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_the_help_loads_no_network_and_no_picture_library(words: list[str]) -> None:
    code = (
        "import sys\nfrom core.cli import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = child.stderr.split()
    heavy = ("torch", "openvino", "cv2", "av", "numpy", "pyarrow", "scipy", "ultralytics", "streamlit", "pydantic")
    assert "core.cli" in loaded and [name for name in loaded if name.partition(".")[0] in heavy] == []
    # No command's module either: only what the list of commands itself needs.
    assert {name for name in loaded if name.startswith("core.cli.")} == {"core.cli.renamed_flags"}
    if words == ["--help"]:
        assert all(f"\n    {command.name} " in child.stdout for command in COMMANDS)


def test_one_command_does_not_load_the_others() -> None:
    code = "import sys\nfrom core.cli import parser\nparser('cache')\nsys.stderr.write(' '.join(sys.modules))"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = child.stderr.split()
    assert "core.cli.cache" in loaded and "core.cli.run" not in loaded and "cv2" not in loaded
