"""The command line: flags in, one call, text and an exit status out. As thin as a page.

Only the module of the command that was asked for is imported, so that `--help` answers at once.

Exit status: 0 done; 1 done, but some clips failed or a comparison found differences; 2 something that the user can
mend, said in one line; 130 stopped by Ctrl-C (finished work is kept).
"""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NamedTuple

from core import __version__
from core.base.errors import Cancelled, SettingsError, SightlineError
from core.cli.renamed_flags import note_former_command
from core.machine.device import INSTALL, require_opencv

_MOST_WORDS_BEFORE_INPUT = 2
_FROM_INPUT = 'Write a list of texts in JSON: ["DIR", "--purpose=..."].'


class Command(NamedTuple):
    """A command of the program. `module` has `add_arguments`, or a function of another name for its second command,
    which sets the function that runs the command. Without `needs_data` it works where there is no data folder.
    """

    name: str
    help: str
    module: str
    needs_opencv: bool = True
    function: str = "add_arguments"
    needs_data: bool = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Import the module of the command and let it add its arguments to `parser`."""
        getattr(importlib.import_module(self.module), self.function)(parser)


COMMANDS = (
    Command("open", "let a browser into the app that runs", "core.cli.open", needs_opencv=False),
    Command("probe", "describe clips: size, length, frame rate, faults", "core.cli.probe"),
    Command("film", "convert a clip to a film that every browser plays", "core.cli.probe", True, "add_film_arguments"),
    Command("run", "find the same people in several clips", "core.cli.run"),
    Command("gallery", "match the people of a finished run again, or export it", "core.cli.gallery"),
    Command(
        "retrack", "show what other tracking settings would change", "core.cli.track", True, "add_retrack_arguments"
    ),
    Command("query", "rank the people of a run by similarity to a photo", "core.cli.query"),
    Command("track", "find and track the people in each clip", "core.cli.track"),
    Command("embed", "appearance vectors of a folder of pictures", "core.cli.embed"),
    Command("evaluate", "compare results and models with ground truth", "core.cli.evaluate"),
    Command("models", "list models, fetch them, measure their speed", "core.cli.models"),
    Command("train", "train your own embedder or detector", "core.cli.train"),
    Command("sample", "find or draw sample footage of a plaza, with its ground truth", "core.cli.sample"),
    Command("cases", "list, create, change, back up, restore or delete cases of the app", "core.cli.cases"),
    Command("verify", "check that an export or a case's log is unchanged", "core.cli.verify", needs_opencv=False),
    Command("sign", "sign an export, or make a key to sign with", "core.cli.verify", False, "add_sign_arguments"),
    Command("settings", "show every setting and where its value comes from", "core.cli.settings", needs_opencv=False),
    Command(
        "doctor", "say what is here, what is missing, and how to mend it", "core.cli.doctor", False, needs_data=False
    ),
    Command("cache", "show or trim what can be made again", "core.cli.cache", needs_opencv=False),
    Command("data", "show cases, uploads, back-ups, models", "core.cli.cache", False, "add_data_arguments"),
)


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of the whole command line; with `only`, no other command is imported or has arguments."""
    top = argparse.ArgumentParser(
        prog="python -m core",
        description="Sightline finds the same people across cameras. Nothing leaves this machine.",
    )
    top.add_argument("--version", action="version", version=f"sightline {__version__}")
    subparsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        arguments = subparsers.add_parser(command.name, help=command.help)
        if only in (None, command.name):
            command.add_arguments(arguments)
    return top


def main(arguments: Sequence[str]) -> int:
    """Run the command that `arguments` name, and return the exit status."""
    try:
        arguments = _read_arguments(arguments)
        # Nothing but --help and --version may come before the command.
        only = arguments[0] if arguments else ""
        named = next((command for command in COMMANDS if command.name == only), None)
        if named and named.needs_opencv:
            require_opencv()
        options = parser(only).parse_args(arguments)
        note_former_command(options)
        # A stop from outside (the cancel button of the app, a shutdown) ends the command as cleanly as Ctrl-C.
        signal.signal(signal.SIGTERM, _interrupt)
        from core.machine.relocate import move_old_data

        if (named is None or named.needs_data) and (notice := move_old_data(_print_note)):
            _print_note(notice)
        return int(options.run(options))
    except SightlineError as fault:
        sys.stderr.write(f"sightline: {fault}\n")
        return 2
    except ModuleNotFoundError as fault:
        # A part of the program itself that is missing is a bug.
        if str(fault.name).startswith("core"):
            raise
        sys.stderr.write(f"sightline: the package {fault.name} is not installed. {INSTALL}\n")
        return 2
    except (KeyboardInterrupt, Cancelled):
        sys.stderr.write("sightline: stopped. Finished work is kept; the same command continues from there.\n")
        return 130
    except BrokenPipeError:
        return 0


def _read_arguments(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments; those after a last and only `-` are a JSON list on standard input.

    Every user of a machine can read the command lines of its processes, and nobody else what a process is given there.
    """
    if len(arguments) > _MOST_WORDS_BEFORE_INPUT + 1 or arguments[-1:] != ["-"]:
        return arguments
    try:
        more = json.loads(sys.stdin.buffer.read())
    except ValueError as fault:
        why = f"- stands for arguments on standard input, which hold none ({fault})"
        raise SettingsError(why, _FROM_INPUT) from fault
    if not isinstance(more, list) or not all(isinstance(word, str) for word in more):
        raise SettingsError("standard input holds no list of arguments", _FROM_INPUT)
    return [*arguments[:-1], *more]


def _print_note(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
