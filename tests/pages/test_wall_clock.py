"""One moment through all places that show it: the same time of day, in a night in which clocks show an hour twice."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.base.settings import MachineSettings
from core.cli import main
from core.runs import people_csv, read_record, save_record
from core.runs.record import OverlapRecord
from core.workspace import clocks_of, services, session_of, shared_ground_shift
from core.workspace.cases import Case, CaseClip
from core.workspace.jobs import order_of, run_folder
from pages.parts.download.exports import export_of
from pages.parts.gallery.moment import Moment
from tests.export.making import unpacked
from tests.pages.making import page
from tests.review.making import big_case
from tests.web.running import node

BEGAN = {"cam1": "2026-10-25T02:29:00+01:00", "cam2": "2026-10-25T02:58:00+02:00"}


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SIGHTLINE_DATA", raising=False)
    made = big_case(2, 3, 6, 2, 20)
    return services().cases.change(made.key, told)


def told(case: Case) -> Case:
    clips: list[CaseClip] = [replace(clip, began=BEGAN[clip.camera]) for clip in case.clips]
    return replace(case, clips=tuple(clips), time_zone="Europe/Berlin")


def at(seconds: str | float, drift: float) -> datetime:
    """The local time of the first camera so many seconds into its clip."""
    return datetime(2026, 10, 25, 2, 29) + timedelta(seconds=float(seconds) * 86_400 / (86_400 + drift))


def drifting(case: Case, seconds_per_day: float) -> Case:
    """The case with a first camera whose clock gains so much."""
    clip = replace(case.clip("cam1"), clock_drift_seconds_per_day=seconds_per_day)
    return services().cases.change(case.key, lambda old: old.with_clip("cam1", clip))


@pytest.mark.parametrize("drift", [0.0, 3000.0])
def test_one_moment_is_the_same_time_everywhere(case: Case, tmp_path: Path, drift: float) -> None:
    case = drifting(case, drift)
    session = session_of(case)
    assert session is not None
    row = next(row for row, key in enumerate(session.track_keys) if key.camera == "cam1")
    start, _ = session.evidence.clip_seconds(row)
    local = at(start, drift)
    moment, track = f"{local:%H:%M:%S}", session.track_keys[row].track

    # The gallery's rows, its filters, the queue and similarity: by the clocks that the page gets.
    app = page("gallery")
    app.session_state["case"] = case.key
    app.run(timeout=60)
    clocks = json.loads(app.get("bidi_component")[0].proto.json)["clocks"]
    with node() as web:
        assert web.call("shell/time.js", "formatMoment", clocks, "cam1", float(start)) == f"{moment}+01:00"

    # The dialog that plays the sighting.
    app.session_state["gallery moment"] = Moment(session.track_keys[row], float(start), 1)
    app.run(timeout=60)
    tenth = local.microsecond // 100_000
    assert any(f"track {track}, {moment}.{tenth}+01:00 to " in caption.value for caption in app.caption)

    # The zip: the table, the report and the names of pictures.
    for camera in BEGAN:
        (session.out / "tracks" / f"{camera}.txt").write_text("")
    # Without the facts of the case, which a job is given in a file.
    export = replace(export_of(case, session, "gallery", ""), case="")
    folder = tmp_path / "export"
    assert main(["gallery", *export.arguments(session.out, folder)]) == 0
    files = unpacked(folder / "out" / "gallery.zip")
    found = row_of(files["sightings.csv"].decode(), track)
    assert found["start_local"] == f"2026-10-25T{moment}.{local.microsecond // 1000:03d}+01:00"
    assert found["start_utc"].startswith(f"2026-10-25T{local - timedelta(hours=1):%H:%M:%S}")
    assert float(found["start_s"]) == pytest.approx(float(start), abs=1e-3)
    assert f"{moment}+01:00 to " in files["report.html"].decode()
    names = [name for name in files if f"cam1_2026-10-25_{moment.replace(':', '-')}" in name]
    assert names and all(name.endswith(f"+0100_t{track:04d}.jpg") for name in names)
    candidate = row_of(files["candidates.csv"].decode(), track)
    assert candidate["crop_local"] == f"{(at(candidate['crop_s'], drift)).isoformat(timespec='milliseconds')}+01:00"
    people = row_of(people_csv(replace_clocks(session, case)), track)
    assert people["start_local"] == found["start_local"]

    # The same export again, and one without clocks, which has the columns that exports always had.
    timeless = services().cases.change(case.key, lambda old: replace(old, clips=untold(old)))
    plain = replace(export_of(timeless, session, "gallery", ""), case="")
    assert plain.key != export.key
    assert main(["gallery", *plain.arguments(session.out, tmp_path / "plain")]) == 0
    header = unpacked(tmp_path / "plain" / "out" / "gallery.zip")["sightings.csv"].decode().splitlines()[0]
    assert header == "camera,track,person,start_s,end_s,similarity,status,upper,lower,name,note"


def test_clocks_that_change_by_the_same_time_need_no_new_run(case: Case) -> None:
    """They are shown at once; a run depends on the seconds between clips alone."""
    later = replace(case, clips=tuple(replace(c, began=shifted(c.began)) for c in case.clips))
    assert order_of(later).key == order_of(case).key
    session = session_of(case)
    assert session is not None
    shown = [clocks_of(each, session.out).format("cam2", 0.0) for each in (case, later)]
    assert shown == ["02:58:00+02:00", "02:58:00+01:00"]


def test_a_drift_needs_another_run(case: Case) -> None:
    """It changes when tracks of the camera were seen beside those of others."""
    assert order_of(drifting(case, 5.0)).key != order_of(case).key
    assert "--drift=cam1=5.0" in order_of(drifting(case, 5.0)).arguments(Path("job"), MachineSettings())


def found_same_ground(case: Case, cameras: tuple[str, str], forward: float) -> None:
    """The run of the case has found that the clock of the second camera must be put forward so much."""
    out = run_folder(case.run)
    assert out is not None
    save_record(out, replace(read_record(out), same_ground=(OverlapRecord(cameras, forward, 4, 1, 0.2),)))


@pytest.mark.parametrize(("cameras", "forward"), [(("cam1", "cam2"), -1.3), (("cam2", "cam1"), 1.3)])
def test_what_shared_ground_says_of_two_clocks_is_proposed(
    case: Case, cameras: tuple[str, str], forward: float
) -> None:
    """The run took both clips to begin together; the clocks say that the first begins 1860 s later."""
    found_same_ground(case, cameras, forward)
    assert shared_ground_shift(case, "cam2", "cam1") == pytest.approx(1860 - 1.3)
    case = services().cases.change(case.key, lambda old: replace(old, clips=untold(old)))
    assert shared_ground_shift(case, "cam1", "cam2") == 1.3
    app = page("footage")
    app.session_state["case"] = case.key
    app.session_state["same moment"] = case.clip("cam1").digest
    app.run(timeout=60)
    assert any("Estimated from shared ground:** cam1 begins 1.3 s later" in caption.value for caption in app.caption)
    next(button for button in app.button if button.label == "Use the estimate").click().run(timeout=60)
    assert services().cases.load(case.key).offsets == {"cam1": 1.3, "cam2": 0}
    assert not app.exception and "Use the estimate" not in [button.label for button in app.button]
    timed = services().cases.change(case.key, told)
    assert shared_ground_shift(timed, "cam1", "cam2") is not None
    assert shared_ground_shift(drifting(timed, 5.0), "cam1", "cam2") is None


def shifted(began: str) -> str:
    moment = datetime.fromisoformat(began) + timedelta(hours=1)
    return moment.isoformat().replace("03:29:00+01:00", "03:29:00").replace("03:58:00+02:00", "02:58:00+01:00")


def untold(case: Case) -> tuple[CaseClip, ...]:
    return tuple(replace(clip, began="") for clip in case.clips)


def replace_clocks(session: Any, case: Case) -> Any:
    from core.runs import build_gallery

    gallery = build_gallery(session.evidence, session.match, session.out, {})
    return replace(gallery, clocks=clocks_of(case, session.out))


def row_of(table: str, track: int) -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(table))
    return next(row for row in rows if row["camera"] == "cam1" and row["track"] == str(track))
