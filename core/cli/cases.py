"""`cases`: lists, backs up, restores and deletes the cases of the app."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.text import format_bytes
from core.cli.progress import listener
from core.workspace import Services, back_up, erase, restore


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("--back-up", metavar="KEY", help="write this case to the file named by --to")
    p.add_argument("--to", type=Path, metavar="FILE", help="where the back-up goes")
    p.add_argument("--recordings", action="store_true", help="include the clips in the back-up")
    p.add_argument("--restore", type=Path, metavar="FILE", help="restore a back-up as a new case")
    p.add_argument("--delete", metavar="KEY", help="permanently delete this case and everything made from its clips")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    services = Services()
    cases = services.cases
    if bool(options.back_up) != bool(options.to) or (options.recordings and not options.back_up):
        raise SettingsError("a back-up needs a case and a file", "Write: cases --back-up KEY --to FILE.")
    if options.back_up:
        back_up(cases, cases.load(options.back_up), options.to, options.recordings, Progress(listener("auto")))
        sys.stdout.write(f"{options.to}\n")
    if options.restore:
        case = restore(services, options.restore)
        sys.stdout.write(f"{case.key}  {case.name}\n")
    if options.delete:
        case = cases.load(options.delete)
        # Runs, exports and films in progress are stopped.
        erasure = erase(services, case)
        sys.stdout.write(f"deleted: {case.name}, {format_bytes(erasure.bytes)}\n")
    if not (options.back_up or options.restore or options.delete):
        for case in cases.all():
            state = "run" if case.run else "not run"
            sys.stdout.write(f"{case.key}  {len(case.clips)} clips, {state}  {case.name}\n")
        for unreadable in cases.unreadable():
            sys.stderr.write(f"a case cannot be read: {unreadable.reason}\n")
    return 0
