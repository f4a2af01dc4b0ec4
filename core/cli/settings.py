"""`settings`: every setting with its value and where that comes from; `--example` prints a file to start from.

The other commands get their flags for settings from here too, and the values that flags and files give together.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from core.base.settings import Part, settings_of
from core.base.settings import setting as find_setting
from core.cli.renamed_flags import add_former_flag
from core.machine.settings_file import FILE, NO_FILE, UserSettings, example, load_settings

_FORMER_FLAGS = {"--ignore-positions": "--looks-only"}
_METAVARS = {"s": "S", "px": "PX"}


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("--example", action="store_true", help=f"print a {FILE} with every setting, to edit")
    add_settings_file(p)
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.example:
        sys.stdout.write(example())
        return 0
    chosen = load_settings(options.settings)
    rows = [(each.setting.key, each.setting.format(each.value), each) for each in chosen.all()]
    keys, values = max(len(key) for key, _, _ in rows), max(len(value) for _, value, _ in rows)
    for key, value, each in rows:
        sys.stdout.write(f"{key:{keys}}  {value:{values}}  {each.setting.label} ({each.source})\n")
    for note in chosen.notes:
        sys.stderr.write(f"{note}\n")
    return 0


def add_settings_file(p: argparse.ArgumentParser) -> None:
    """The flag that names a file of settings."""
    p.add_argument(
        "--settings", metavar="FILE", help=f"file of settings ({FILE} here or in the data folder; or {NO_FILE})"
    )


def add_setting(p: argparse.ArgumentParser, key: str) -> None:
    """The flag of a setting. It has no default, so that what was given can be told from what was not."""
    setting = find_setting(key)
    if setting.kind is bool:
        action = p.add_argument(setting.flag, action=argparse.BooleanOptionalAction, help=setting.flag_help)
    else:
        action = p.add_argument(
            setting.flag,
            type=setting.kind,
            metavar="NAME" if setting.kind is str else _METAVARS.get(setting.unit, "N"),
            help=setting.flag_help.replace("%", "%%"),
        )
    if former := _FORMER_FLAGS.get(setting.flag):
        add_former_flag(p, former, action)


def given_settings(options: argparse.Namespace, files: UserSettings, *parts: Part) -> dict[str, Any]:
    """What flags and files set of these parts, by the names of the fields in their classes; flags win."""
    flags = {each.name: getattr(options, each.key, None) for each in settings_of(*parts)}
    return {**files.values(*parts), **{name: value for name, value in flags.items() if value is not None}}
