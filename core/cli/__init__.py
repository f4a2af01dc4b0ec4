"""The command line: flags in, one call, text and an exit status out. As thin as a page.

Exit status: 0 done; 1 done, but some clips failed; 2 something that the user can mend, said in one line;
130 stopped by Ctrl-C (what was done is kept).
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from core import __version__
from core.cli import cache, cases, embed, evaluate, gallery, models, probe, query, retrack, run, sample, track, train
from core.errors import Cancelled, SightlineError

COMMANDS = (probe, run, gallery, retrack, query, track, embed, evaluate, models, train, sample, cases, cache)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m core", description="Sightline: the same person, across cameras. Nothing leaves this machine."
    )
    top.add_argument("--version", action="version", version=f"sightline {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return top


def main(words: Sequence[str]) -> int:
    options = parser().parse_args(words)
    # A stop from outside (the app's cancel button, a shutdown) takes the same clean way out as Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
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
