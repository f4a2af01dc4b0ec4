"""A card for each clip of a run: which stage it is in, how fast, whom it has seen, how long it takes yet."""

from __future__ import annotations

import streamlit as st

from core.amounts import duration
from core.errors import SightlineError
from core.jobs import CameraState, Job
from core.speed import STAGES
from pages.parts.foretelling import Foretold, foretold_lately
from pages.parts.words import count

NAMES = {"detect": "find", "embed": "describe", "track": "track", "crops": "pick pictures", "match": "match"}
WORDS = {
    "detect": "finding people",
    "embed": "describing what they look like",
    "track": "following them",
    "crops": "picking the best pictures",
}


def clip_card(camera: CameraState, job: Job) -> None:
    with st.container(border=True):
        if camera.state == "failed":
            st.markdown(f":material/error: **{camera.name}** could not be done. The other clips go on.")
            st.caption(camera.fault)
            return
        st.markdown(f"**{camera.name}** &nbsp; {_row(camera, job)}")
        if camera.state == "done":
            after = ". Comparing people across cameras…" if _matching(job) else ""
            st.caption(f"{count(camera.tracks, 'track')}, {camera.boxes:,} boxes{after}")
        elif camera.report is None:
            busy = any(one.state == "working" for one in job.cameras)
            first = camera is next(one for one in job.cameras if one.state == "waiting")
            st.caption("Starting: opening the models…" if first and not busy else "Waiting for its turn")
        else:
            _working(camera, job)


def _working(camera: CameraState, job: Job) -> None:
    report = camera.report
    if report is None:
        return
    words = f"{WORDS.get(report.stage, report.stage)}, {report.done:,} of {report.total:,} frames"
    st.progress(min(1.0, report.share), text=words[0].upper() + words[1:])
    facts = []
    if report.rate:
        facts.append(f"{report.rate:.1f} frames/s ({1000 / report.rate:.0f} ms each)")
    if report.stage == "detect" and report.done:
        facts.append(f"{report.boxes:,} boxes so far, {report.boxes / report.done:.1f} people in a picture")
    left = _clip_left(camera, _foretold(job))
    if left is not None:
        facts.append(f"about {duration(left)} left for this clip")
    st.caption(" · ".join(facts) or "Starting…")


def _row(camera: CameraState, job: Job) -> str:
    """The stages in a row: done, at work, still to come; told by sign and word, not by colour alone."""
    stages = [*STAGES, "match"] if job.order.matched else ["detect", "track"]
    done, at = _done_and_at(camera, job, stages)
    signs = {True: ":green-badge[:material/check: {}]", False: ":gray-badge[{}]"}
    row = [signs[number < done].format(NAMES[stage]) for number, stage in enumerate(stages)]
    if at is not None:
        row[at] = f":blue-badge[:material/sync: {NAMES[stages[at]]}]"
    return " ".join(row)


def _done_and_at(camera: CameraState, job: Job, stages: list[str]) -> tuple[int, int | None]:
    """How many stages are done, and the number of the one at work, if any is."""
    if camera.report is not None:
        at = stages.index(camera.report.stage) if camera.report.stage in stages else 0
        return at, at
    if camera.state != "done":
        return 0, None
    if not job.order.matched:
        return len(stages), None
    last = len(stages) - 1
    return last, last if _matching(job) else None


def _matching(job: Job) -> bool:
    """Whether all clips are done, and people are being compared."""
    return job.order.matched and all(one.state in ("done", "failed") for one in job.cameras)


def left_of(job: Job) -> float | None:
    """Seconds left for all clips; nothing where that is not known."""
    foretold = _foretold(job)
    parts = [_clip_left(camera, foretold) for camera in job.cameras if camera.state in ("waiting", "working")]
    if foretold is None or any(part is None for part in parts):
        return None
    return sum(part or 0.0 for part in parts) + foretold.besides


def _clip_left(camera: CameraState, foretold: Foretold | None) -> float | None:
    """What this stage needs yet, as it goes now, and what the later ones are expected to need."""
    expected = foretold.cameras.get(camera.name) if foretold else None
    if camera.report is None:
        return expected.whole if expected else None
    if camera.report.left_seconds is None or camera.report.stage not in STAGES or expected is None:
        return None
    later = STAGES[STAGES.index(camera.report.stage) + 1 :]
    if any(stage in expected.unknown for stage in later):
        return None
    return camera.report.left_seconds + sum(expected.seconds.get(stage, 0.0) for stage in later)


def _foretold(job: Job) -> Foretold | None:
    try:
        return foretold_lately(job.key, job.order)
    except SightlineError:
        return None
