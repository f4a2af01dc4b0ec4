"""`cases`: lists, backs up, restores and deletes the cases of the app."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.text import format_bytes
from core.cli.progress import listener
from core.workspace.cases import Cases, back_up, erase, plan_erasure, restore
from core.workspace.jobs import Jobs


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("--back-up", metavar="KEY", help="write this case to the file named by --to")
    p.add_argument("--to", type=Path, metavar="FILE", help="where the back-up goes")
    p.add_argument("--recordings", action="store_true", help="include the clips in the back-up")
    p.add_argument("--restore", type=Path, metavar="FILE", help="restore a back-up as a new case")
    p.add_argument("--delete", metavar="KEY", help="permanently delete this case and everything made from its clips")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    cases = Cases()
    if bool(options.back_up) != bool(options.to) or (options.recordings and not options.back_up):
        raise SettingsError("a back-up needs a case and a file", "Write: cases --back-up KEY --to FILE.")
    if options.back_up:
        back_up(cases, cases.load(options.back_up), options.to, options.recordings, Progress(listener("auto")))
        sys.stdout.write(f"{options.to}\n")
    if options.restore:
        case = restore(cases, options.restore)
        sys.stdout.write(f"{case.key}  {case.name}\n")
    if options.delete:
        _delete(cases, options.delete)
    if not (options.back_up or options.restore or options.delete):
        for case in cases.all():
            state = "run" if case.run else "not run"
            sys.stdout.write(f"{case.key}  {len(case.clips)} clips, {state}  {case.name}\n")
    return 0


def _delete(cases: Cases, key: str) -> None:
    case = cases.load(key)
    goes = plan_erasure(cases, case).names
    if any(job.is_active for job in Jobs().all() if job.key in goes):
        raise SettingsError(f"a run of {case.name} is in progress", "Stop it in the app first.")
    gone = erase(cases, case)
    sys.stdout.write(f"deleted: {case.name}, {format_bytes(gone.bytes)}\n")
