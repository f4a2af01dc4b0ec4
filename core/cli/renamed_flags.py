"""Flags and commands under the names of earlier versions: they still work, and say what they are called now.

They are hidden from `--help`, which shows the present names only."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

FORMER = "former_command"


class _FormerFlag(argparse.Action):
    """Says the flag's present name, and does what that flag does."""

    def __init__(self, *args: Any, present: argparse.Action, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._present = present

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        _note(str(option_string), self._present.option_strings[0])
        self._present(parser, namespace, values, self._present.option_strings[0])


def add_former_flag(parser: argparse.ArgumentParser, former: str, present: argparse.Action) -> None:
    """Let `parser` understand `former` as the flag `present`, which `add_argument` returned."""
    parser.add_argument(
        former,
        action=_FormerFlag,
        present=present,
        dest=present.dest,
        nargs=present.nargs,
        type=present.type or str,
        choices=present.choices,
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )


def add_renamed_command(
    subparsers: Any, former: str, present: str, add_arguments: Callable[[argparse.ArgumentParser], None], help: str
) -> None:
    """A command `present` that is understood as `former` too."""
    shown: argparse.ArgumentParser = subparsers.add_parser(present, help=help)
    # Without `help`, argparse does not list it.
    hidden: argparse.ArgumentParser = subparsers.add_parser(former)
    for each in (shown, hidden):
        add_arguments(each)
    hidden.set_defaults(**{FORMER: (f"`{former}`", f"`{present}`")})


def note_former_command(options: argparse.Namespace) -> None:
    """Say the present name of a command that was called by its former one."""
    if hasattr(options, FORMER):
        _note(*getattr(options, FORMER))
        delattr(options, FORMER)


def _note(former: str, present: str) -> None:
    sys.stderr.write(f"{former} is now called {present}; it still works\n")
