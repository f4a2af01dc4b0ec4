"""`models get` and `models offer`: the only commands that use the network, to fetch models that the user agreed to.

`make run` calls `models offer`, which asks once, at a terminal. Without one nothing is asked or downloaded. The answer
is kept in the data folder. Whatever goes wrong, the app then starts with the models that are here.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.base.errors import SightlineError, StoreError, WeightsError
from core.base.progress import Progress, Report, time_left
from core.base.text import format_bytes
from core.cli.progress import BAR, LOG_SECONDS, listener
from core.machine.paths import data_dir, write_atomically
from core.machine.records import RecordFormat
from core.machine.settings_file import load_settings
from core.vision.models import (
    DETECTOR,
    EMBEDDER,
    PINS_FILE,
    Download,
    ModelStatus,
    download_folder,
    download_model,
    downloadable,
    entries,
    has_begun,
    missing_recommended,
    recommended,
)
from core.workspace.cases import default_plan

GET = "python -m core models get"
GET_RECOMMENDED = f"{GET} --recommended"
ANSWER_FILE = "models-offer.json"
_SLOW_SECONDS = 5.0
"""A failure that took longer comes from a network that hangs: `make run` does not try the next model then."""
_KINDS = {"detector": "Person detector", "embedder": "Re-identification model"}


@dataclass(frozen=True)
class Answer:
    """What the user said to the offer of `make run`, and on which day."""

    answer: Literal["yes", "no"]
    day: str


_ANSWER = RecordFormat(Answer, "answer to the offer of models", remedy="Remove it to be asked again.")


def run_get(options: argparse.Namespace) -> int:
    if not options.names and not options.recommended:
        sys.stdout.write(list_offers(downloadable()))
    report = bytes_listener() if options.progress == "auto" else listener(options.progress)
    for name in options.names:
        sys.stdout.write(outcome(download_model(name, Progress(report))) + "\n")
    if not options.recommended:
        return 0
    models = recommended()
    is_complete = download_all(models, report)
    if is_complete:
        flags = {"detector": "--weights", "embedder": "--features"}
        chosen = " ".join(f"{flags[status.model.kind]} {status.model.name}" for status in models)
        sys.stdout.write(f"New cases of the app use them from now on; on the command line: run ... {chosen}\n")
    return 0 if is_complete else 2


def download_all(models: list[ModelStatus], report: Callable[[Report], None], patience: float = float("inf")) -> bool:
    """Download these models, and say what became of each; returns whether all are here. After a failure that took
    longer than `patience` seconds, the others are left out."""
    is_complete = True
    for status in models:
        began = time.monotonic()
        try:
            sys.stdout.write(outcome(download_model(status.model.name, Progress(report))) + "\n")
        except (WeightsError, StoreError) as fault:
            is_complete = False
            sys.stderr.write(f"sightline: {fault}\n")
            if time.monotonic() - began > patience:
                break
        finally:
            sys.stdout.flush()
    return is_complete


def run_offer(_: argparse.Namespace) -> int:
    """Always 0: `make run` goes on to start the app."""
    try:
        offer(missing_recommended(), sys.stdin.isatty() and sys.stdout.isatty())
    except (SightlineError, OSError) as fault:
        sys.stderr.write(f"sightline: {fault}\n")
    return 0


def offer(missing: list[ModelStatus], is_terminal: bool, ask: Callable[[str], str] = input) -> None:
    """Ask, if that has not been done, and download after a yes. A download that was interrupted is continued."""
    if not missing:
        return
    if not is_terminal or not _is_wanted(missing, ask):
        sys.stdout.write(f"{_models_in_use()} To get better ones: {GET_RECOMMENDED}\n")
        return
    if not download_all(missing, bytes_listener(), _SLOW_SECONDS):
        sys.stdout.write(f"Going on without. {_models_in_use()} To try again later: {GET_RECOMMENDED}\n")


def _models_in_use() -> str:
    plan = default_plan(load_settings())
    return f"New cases use {plan.detector} and {plan.embedder}."


def _is_wanted(missing: list[ModelStatus], ask: Callable[[str], str]) -> bool:
    """Whether to download now. A yes of an earlier start counts where something has come of it to continue with: where
    there is no network, no later start waits for it."""
    try:
        earlier = _ANSWER.read(data_dir() / ANSWER_FILE).answer
    except FileNotFoundError:
        sys.stdout.write(question(missing))
        sys.stdout.flush()
        try:
            reply = ask("Download them now? [y/N] ").strip().lower()
        except EOFError:
            return False
        answer = Answer("yes" if reply in ("y", "yes") else "no", time.strftime("%Y-%m-%d"))
        write_atomically(data_dir() / ANSWER_FILE, _ANSWER.to_json(answer), flush=True)
        return answer.answer == "yes"
    return earlier == "yes" and any(has_begun(entries()[status.model.name]) for status in missing)


def question(missing: list[ModelStatus]) -> str:
    """What there is to download, beside what comes with Sightline."""
    shipped = {"detector": entries()[DETECTOR].model, "embedder": entries()[EMBEDDER].model}
    lines = ["", "There are better models than those that come with Sightline:", ""]
    for model in (status.model for status in missing):
        ours = shipped[model.kind]
        lines += [
            f"  {_KINDS[model.kind]}",
            f"    download: {model.name}, {model.megabytes:.1f} MB, {model.licence}",
            f"              {model.brief}",
            f"    included: {ours.name}, {ours.licence}",
            f"              {ours.brief}",
        ]
    total = sum(status.model.megabytes for status in missing)
    lines += [
        "",
        f"{total:.1f} MB in all, into {download_folder()}.",
        f"You are asked only once. Later: the Run page of the app, or {GET_RECOMMENDED}",
        "",
    ]
    return "\n".join(lines)


def list_offers(statuses: list[ModelStatus]) -> str:
    """A line for each model that can be fetched, and the folder where it would go."""
    states = {"present": "here", "missing": "not here", "changed": "here, but another file"}
    width = max((len(status.model.name) for status in statuses), default=0)
    lines = [
        f"{m.name:{width}}  {m.kind:8}  {m.megabytes:>6.1f} MB  {states[s.state]:8}  {m.licence}"
        for s in statuses
        for m in [s.model]
    ]
    return "\n".join([*lines, "", f"{GET} NAME puts it into {download_folder()}. Nothing else is ever fetched.", ""])


def outcome(download: Download) -> str:
    """What was fetched, where it is, and whether its digest was known before."""
    model = download.model
    summary = f"{model.name}: {download.state}, {model.path} (licence {model.licence})"
    if download.state != "pinned now":
        return summary
    return (
        f"{summary}\nThe publisher gives no digest. This file (SHA-256 {model.digest}) is pinned from now on in "
        f"{download_folder() / PINS_FILE}; another file under this name will be refused."
    )


def line(report: Report) -> str:
    """The progress of a download as one line.

    >>> line(Report("yolo11n", 1, 1, "download", 1_400_000, 5_600_000, 700_000.0, 6.0))
    'yolo11n  1.4 MB of 5.6 MB  700.0 kB/s  6 s left'
    """
    left = f"  {text}" if (text := time_left(report)) else ""
    done, total = format_bytes(report.done), format_bytes(report.total)
    return f"{report.camera}  {done} of {total}  {format_bytes(round(report.rate))}/s{left}"


def bytes_listener() -> Callable[[Report], None]:
    """A progress bar on a terminal, a line every few seconds elsewhere."""
    last_line = 0.0

    def show(report: Report) -> None:
        nonlocal last_line
        complete = report.done >= report.total
        if sys.stderr.isatty():
            filled = round(report.share * BAR)
            sys.stderr.write(f"\r[{'#' * filled}{'.' * (BAR - filled)}] {line(report)}\x1b[K" + "\n" * complete)
        elif complete or time.monotonic() - last_line >= LOG_SECONDS:
            last_line = time.monotonic()
            sys.stderr.write(line(report) + "\n")
        sys.stderr.flush()

    return show
