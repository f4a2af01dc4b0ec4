"""`cases`: lists, creates, changes, backs up, restores and deletes the cases of the app.

Servers that run meanwhile show what is changed here with their next click."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.text import describe_day, format_bytes, format_day, one_line, read_day, require_reason
from core.cli.progress import listener
from core.workspace import (
    Removal,
    Services,
    add_clip,
    back_up,
    erase,
    erase_clip,
    erase_person,
    plan_clip,
    plan_person,
    restore,
    serve_with,
)
from core.workspace.cases import Case, Cases

_Part = Callable[[Services, Case, str], Removal]


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("--new", metavar="NAME", help="create a case with this name, and print its key")
    p.add_argument("--purpose", metavar="TEXT", help="why you may view the footage of the new case")
    p.add_argument(
        "--keep-until",
        nargs="+",
        metavar="KEY DATE",
        help="until when to keep the new case, or with KEY this case: 2027-05-31, 30d or none",
    )
    p.add_argument("--reason", metavar="TEXT", help="with --keep-until: why a case is kept longer than it was to be")
    p.add_argument("--add", nargs="+", metavar=("KEY", "CLIP"), help="add clips to this case")
    p.add_argument("--rename", nargs=2, metavar=("KEY", "NAME"), help="give this case another name")
    p.add_argument("--back-up", metavar="KEY", help="write this case to the file named by --to")
    p.add_argument("--to", type=Path, metavar="FILE", help="where the back-up goes")
    p.add_argument("--recordings", action="store_true", help="include the clips in the back-up")
    p.add_argument("--restore", type=Path, metavar="FILE", help="restore a back-up as a new case")
    p.add_argument("--delete", metavar="KEY", help="permanently delete this case and everything made from its clips")
    p.add_argument(
        "--delete-person",
        nargs=2,
        metavar=("KEY", "PERSON"),
        help="permanently delete a person (P003) of this case: crops, vectors, boxes, decisions; with --yes",
    )
    p.add_argument(
        "--delete-clip",
        nargs=2,
        metavar=("KEY", "CAMERA"),
        help="permanently delete a clip of this case and everything made from it",
    )
    p.add_argument("--yes", action="store_true", help="do what --delete-person or --delete-clip says would go")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    services = Services()
    cases = services.cases
    if options.purpose is not None and options.new is None:
        raise SettingsError("a purpose needs a new case", "Write: cases --new NAME --purpose TEXT.")
    if options.keep_until and len(options.keep_until) != (2 if options.new is None else 1):
        raise SettingsError("it is not clear which case to keep", "Write: cases --keep-until KEY DATE.")
    if options.add and len(options.add) < 2:
        raise SettingsError("there is no clip to add", "Write: cases --add KEY CLIP.")
    if bool(options.back_up) != bool(options.to) or (options.recordings and not options.back_up):
        raise SettingsError("a back-up needs a case and a file", "Write: cases --back-up KEY --to FILE.")
    if options.new is not None:
        day = read_day(options.keep_until[0]) if options.keep_until else ""
        _print_case(cases.new(options.new, options.purpose or "", day))
    elif options.keep_until:
        _print_case(_keep(cases, options.keep_until, (options.reason or "").strip()))
    if options.add:
        _add_clips(services, options.add[0], options.add[1:])
    if options.rename:
        _print_case(_rename(cases, *options.rename))
    if options.back_up:
        back_up(cases, cases.load(options.back_up), options.to, options.recordings, Progress(listener("auto")))
        sys.stdout.write(f"{options.to}\n")
    if options.restore:
        _print_case(restore(services, options.restore))
    if options.delete:
        case = cases.load(options.delete)
        # Runs, exports and films in progress are stopped.
        erasure = erase(services, case)
        sys.stdout.write(f"deleted: {case.name}, {format_bytes(erasure.bytes)}\n")
    for parts, plan, erase_part in (
        (options.delete_person, _plan_person, _erase_person),
        (options.delete_clip, plan_clip, erase_clip),
    ):
        if parts:
            _erase_part(services, parts, plan, erase_part, options.yes)
    actions = (
        options.delete_person,
        options.delete_clip,
        options.keep_until,
        options.add,
        options.rename,
        options.back_up,
        options.restore,
        options.delete,
    )
    if options.new is None and not any(actions):
        _list(cases)
    return 0


def _list(cases: Cases) -> None:
    for case in cases.all():
        state = "run" if case.run else "not run"
        facts = [one_line(case.purpose)] if case.purpose else []
        if case.keep_until:
            facts.append(f"{'was to be kept' if case.is_expired else 'keep'} until {format_day(case.keep_until)}")
        about = f" ({'; '.join(facts)})" if facts else ""
        sys.stdout.write(f"{case.key}  {len(case.clips)} clips, {state}  {one_line(case.name)}{about}\n")
    for unreadable in cases.unreadable():
        sys.stderr.write(f"a case cannot be read: {unreadable.reason}\n")


def _print_case(case: Case) -> None:
    sys.stdout.write(f"{case.key}  {case.name}\n")


def _add_clips(services: Services, key: str, paths: list[str]) -> None:
    """Add the clips one by one; those before one that is refused stay added."""
    serve_with(services)
    for path in paths:
        camera = add_clip(key, Path(path).resolve())
        sys.stdout.write(f"added: {camera}\n")


def _keep(cases: Cases, key_and_day: list[str], reason: str) -> Case:
    key, text = key_and_day
    day, case = read_day(text), cases.load(key)
    if case.is_expired:
        require_reason(reason)
    entry = f"keep until: {describe_day(day)}" + (f" ({reason})" if reason else "")
    return cases.change(key, lambda case: replace(case, expires=day), entry)


def _erase_part(services: Services, parts: list[str], plan: _Part, erase_part: _Part, confirmed: bool) -> None:
    """Delete a person or a clip; without --yes, only say what would go."""
    serve_with(services)
    key, name = parts
    case = services.cases.load(key)
    if not confirmed:
        lines = "\n".join(plan(services, case, name).lines)
        raise SettingsError(f"this would delete {name} for good:\n{lines}\n", "Add --yes to delete it.")
    sys.stdout.write("\n".join((f"deleted for good: {name}", *erase_part(services, case, name).lines)) + "\n")


def _plan_person(services: Services, case: Case, name: str) -> Removal:
    return plan_person(services, case, _number(name))


def _erase_person(services: Services, case: Case, name: str) -> Removal:
    return erase_person(services, case, _number(name))


def _number(name: str) -> int:
    number = name.upper().removeprefix("P")
    if not number.isdecimal():
        raise SettingsError(f"'{name}' is no person", "Write P003.")
    return int(number)


def _rename(cases: Cases, key: str, name: str) -> Case:
    if not name.strip():
        raise SettingsError("a case needs a name", "Write: cases --rename KEY NAME.")
    return cases.change(key, lambda case: replace(case, name=name.strip()), f"named {name.strip()}")
