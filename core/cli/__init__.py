"""The command line: flags in, one call, text and an exit status out. As thin as a page.

Only the module of the command that was asked for is imported, so that `--help` answers at once.

Exit status: 0 done; 1 done, but some clips failed; 2 something that the user can mend, said in one line;
130 stopped by Ctrl-C (what was done is kept)."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from core import __version__
from core.base.errors import Cancelled, SightlineError
from core.cli.renamed_flags import note_former_command
from core.machine.device import require_opencv

AddArguments = Callable[[argparse.ArgumentParser], None]


@dataclass(frozen=True)
class Command:
    """A command of the program. `load` imports its module and returns the function that adds its arguments."""

    name: str
    help: str
    load: Callable[[], AddArguments]
    needs_opencv: bool = True


def _load_probe() -> AddArguments:
    from core.cli.probe import add_arguments

    return add_arguments


def _load_run() -> AddArguments:
    from core.cli.run import add_arguments

    return add_arguments


def _load_gallery() -> AddArguments:
    from core.cli.gallery import add_arguments

    return add_arguments


def _load_retrack() -> AddArguments:
    from core.cli.retrack import add_arguments

    return add_arguments


def _load_query() -> AddArguments:
    from core.cli.query import add_arguments

    return add_arguments


def _load_track() -> AddArguments:
    from core.cli.track import add_arguments

    return add_arguments


def _load_embed() -> AddArguments:
    from core.cli.embed import add_arguments

    return add_arguments


def _load_evaluate() -> AddArguments:
    from core.cli.evaluate import add_arguments

    return add_arguments


def _load_models() -> AddArguments:
    from core.cli.models import add_arguments

    return add_arguments


def _load_train() -> AddArguments:
    from core.cli.train import add_arguments

    return add_arguments


def _load_sample() -> AddArguments:
    from core.cli.sample import add_arguments

    return add_arguments


def _load_cases() -> AddArguments:
    from core.cli.cases import add_arguments

    return add_arguments


def _load_cache() -> AddArguments:
    from core.cli.cache import add_arguments

    return add_arguments


COMMANDS = (
    Command("probe", "describe clips: size, length, frame rate, faults", _load_probe),
    Command("run", "find the same people in several clips", _load_run),
    Command("gallery", "match the people of a finished run again, or export it", _load_gallery),
    Command("retrack", "show what other tracking settings would change", _load_retrack),
    Command("query", "rank the people of a run by similarity to a photo", _load_query),
    Command("track", "find and track the people in each clip", _load_track),
    Command("embed", "appearance vectors of a folder of pictures", _load_embed),
    Command("evaluate", "compare results and models with ground truth", _load_evaluate),
    Command("models", "list models, fetch them, measure their speed", _load_models),
    Command("train", "train your own embedder or detector", _load_train),
    Command("sample", "make sample footage of a plaza, with its ground truth", _load_sample),
    Command("cases", "list, back up, restore or delete cases of the app", _load_cases),
    Command("cache", "show or trim what earlier runs have stored", _load_cache, needs_opencv=False),
)


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of the whole command line; with `only`, just that command has its arguments (and is imported)."""
    top = argparse.ArgumentParser(
        prog="python -m core", description="Sightline: the same person, across cameras. Nothing leaves this machine."
    )
    top.add_argument("--version", action="version", version=f"sightline {__version__}")
    subparsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        arguments = subparsers.add_parser(command.name, help=command.help)
        if only in (None, command.name):
            command.load()(arguments)
    return top


def main(words: Sequence[str]) -> int:
    try:
        # Nothing but --help and --version may come before the command.
        only = words[0] if words else ""
        if any(command.needs_opencv for command in COMMANDS if command.name == only):
            require_opencv()
        options = parser(only).parse_args(words)
        note_former_command(options)
        # A stop from outside (the app's cancel button, a shutdown) takes the same clean way out as Ctrl-C.
        signal.signal(signal.SIGTERM, _interrupt)
        return int(options.run(options))
    except SightlineError as fault:
        sys.stderr.write(f"sightline: {fault}\n")
        return 2
    except (KeyboardInterrupt, Cancelled):
        sys.stderr.write("sightline: stopped. What was done is kept; the same command goes on from there.\n")
        return 130
    except BrokenPipeError:
        return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
