"""Download: no case, no run, at work, motion only, nobody, ready, heads shown, made, stopped, failed; and its route."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.cli import main
from core.export import FACTS, new_key, signature_file, verify_signature, verify_zip
from core.http import EXPORT_ROUTES as ROUTES
from core.http import download_name, export_address
from core.machine.paths import cache_dir
from core.review import Action, load_review, save_review
from core.runs import DIFFERENT, Link, TrackKey, load_tracks
from core.vision.mot import write_tracks
from core.workspace import Services, serve_with, services, session_of
from core.workspace.cases import Case, Cases
from core.workspace.jobs import ExportJob, Exports, facts_of
from pages.parts.download.exports import export_of
from pages.parts.download.tables import similarity
from tests.pages.making import asked, page, words
from tests.review.making import big_case
from tests.workspace.jobs.test_exporting import faked
from tests.workspace.jobs.test_jobs import until


@pytest.fixture
def case() -> Case:
    return big_case(cameras=2, people=3, tracklets=6, crops=2, seconds=10, noise=0.1)


@pytest.fixture
def exports(tmp_path: Path) -> Iterator[Exports]:
    """The child does what the file `act` says."""
    made = faked(tmp_path, "wait")
    serve_with(Services(exports=made))
    yield made
    (tmp_path / "act").write_text("done")


def act(folder: Path, word: str) -> None:
    (folder / "act").write_text(word)


def opened(case: Case) -> AppTest:
    app = page("download")
    app.session_state["case"] = case.key
    return app.run()


def button(app: AppTest, label: str) -> Any:
    return next(one for one in app.button if one.label == label)


def labels(app: AppTest) -> list[str]:
    return [one.label for kind in ("button", "download_button", "link_button") for one in app.get(kind)]


def heads(app: AppTest) -> Any:
    return next(one for one in app.toggle if one.label == "Turn off face blurring")


def test_without_a_case_it_says_so() -> None:
    app = page("download").run()
    assert not app.exception and "No case is open" in words(app)


def test_without_a_run_it_says_what_to_do() -> None:
    app = opened(Cases().new("empty"))
    assert not app.exception and "nothing to download yet" in words(app) and not app.toggle


def test_while_the_first_run_is_at_work_it_says_so(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    job = replace(services().jobs.get(case.run), state="running")
    Cases().change(case.key, lambda old: replace(old, run="", wanted=old.run))
    monkeypatch.setattr(services().jobs, "all", lambda: [job])
    app = opened(case)
    assert not app.exception and "is in progress" in words(app) and not app.toggle


def test_an_export_has_the_rules_of_matching_and_reproduces_the_people(case: Case, tmp_path: Path) -> None:
    def edit(old: Case) -> Case:
        return replace(old.with_travel_time("cam2", "cam1", 600), ignore_positions=True)

    plain = session_of(case)
    ruled = Cases().change(case.key, edit)
    session, said = session_of(ruled), words(opened(ruled))
    assert session is not None and plain is not None
    assert "**Shortest times:** cam1 – cam2 600 s" in said and "**Positions:** ignored" in said
    export = export_of(ruled, session, "gallery", "")
    assert export.key != export_of(case, plain, "gallery", "").key
    for camera in session.evidence.cameras:
        write_tracks(session.out / "tracks" / f"{camera}.txt", load_tracks(session.out, camera))
    (tmp_path / "facts.json").write_bytes(FACTS.to_json(facts_of(ruled, session)))
    assert main(["gallery", *export.arguments(session.out, tmp_path)]) == 0
    manifest = verify_zip(tmp_path / "out" / "gallery.zip")
    assert (manifest.about["choice"]["travel"], manifest.about["choice"]["looks_only"]) == (
        [["cam1", "cam2", 600]],
        True,
    )
    assert manifest.people == len(set(session.people.person)) > len(set(plain.people.person))
    with np.load(io.BytesIO(similarity(ruled, session))) as arrays:
        assert json.loads(str(arrays["about"]))["choice"] == manifest.about["choice"]
    with zipfile.ZipFile(tmp_path / "out" / "gallery.zip") as archive:
        report = archive.read("report.html").decode()
    assert "Shortest time between cam1 and cam2" in report and "600 s" in report
    assert "position into account" not in report and ruled.name in report
    assert manifest.about["case"]["key"] == ruled.key


def test_a_run_that_compared_nobody_has_its_tracks(case: Case) -> None:
    about = cache_dir() / "runs" / case.run / "job.json"
    content = json.loads(about.read_text())
    content["order"]["embedder"] = "none"
    about.write_text(json.dumps(content))
    app = opened(case)
    assert not app.exception and "has no gallery" in words(app)
    assert labels(app) == ["Tracks (MOT text)", "tracks.parquet", "run.json"]


def test_nobody_found() -> None:
    app = opened(big_case(cameras=1, people=1, tracklets=0, crops=1, seconds=5))
    assert not app.exception and "No people were found" in words(app) and not app.toggle


def test_it_says_what_will_be_in_it(case: Case) -> None:
    Cases().change(case.key, lambda old: replace(old, threshold=0.5, purpose="find [a bag](x)"))
    app = opened(case)
    assert not app.exception
    assert [(one.label, one.value) for one in app.metric][:3] == [
        ("People", "3"),
        ("Sightings", "6"),
        ("Crops", "12"),
    ]
    said = words(app)
    assert "0.50, set by you" in said and "none yet" in said and "Unconfirmed people are candidates" in said
    assert "find \\[a bag\\](x)" in said
    assert "Decisions (CSV)" not in labels(app) and "Tracks (MOT text)" in labels(app)


def test_what_was_decided_is_counted_and_handed_out(case: Case) -> None:
    links = tuple(Link(TrackKey("cam1", 1), DIFFERENT, TrackKey("cam2", track)) for track in (1, 2))
    file = services().cases.review_file(case.key)
    named = Action("name", "called Anna", 1.0, links, (("cam1", 1, "Anna", ""),))
    save_review(file, load_review(file).act(named))
    app = opened(case)
    assert not app.exception and "1 manual decision, 1 name" in words(app)
    assert {"Decisions (CSV)", "Names (CSV)"} <= set(labels(app))


def test_faces_need_a_reason(case: Case, exports: Exports, tmp_path: Path) -> None:
    app = opened(case)
    assert not button(app, "Create crops").disabled and not button(app, "Create zip file").disabled
    assert heads(app).value is False
    heads(app).set_value(True).run()
    assert "This export shows faces" in words(app)
    assert all(button(app, label).disabled for label in ("Create zip file", "Create videos", "Create crops"))
    app.text_input[0].set_value("  ").run()
    assert button(app, "Create zip file").disabled
    app.text_input[0].set_value("asked for").run()
    assert not button(app, "Create crops").disabled
    act(tmp_path, "done")
    button(app, "Create zip file").click().run()
    (made,) = exports.of(case.run)
    assert json.loads((made.folder / "job.json").read_text())["export"]["reason"] == "asked for"
    assert any("heads not blurred: asked for" in line for line in Cases().log_lines(case.key))


def test_a_blurred_zip_is_not_offered_for_one_that_shows_faces(
    case: Case, exports: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(tmp_path, "done")
    app = opened(case)
    button(app, "Create videos").click().run()
    (made,) = exports.of(case.run)
    until(lambda: not exports.get(made.key).is_active)
    app = opened(case)
    assert "Create videos" not in labels(app)
    heads(app).set_value(True).run()
    assert button(app, "Create videos").disabled


def test_it_is_made_on_click_watched_and_found_again(case: Case, exports: Exports, tmp_path: Path) -> None:
    app = opened(case)
    button(app, "Create zip file").click().run()
    (made,) = exports.of(case.run)
    until(lambda: exports.get(made.key).report is not None)
    again = opened(case)  # a second tab, or a refresh
    assert not again.exception and "Create zip file" not in labels(again) and "Stop" in labels(again)
    button(again, "Stop").click().run()
    until(lambda: not exports.get(made.key).is_active)
    after = opened(case)
    assert "The export was stopped" in words(after) and "Create zip file" in labels(after)


def test_another_setting_is_another_export(case: Case, exports: Exports, tmp_path: Path) -> None:
    button(opened(case), "Create videos").click().run()
    (made,) = exports.of(case.run)
    Cases().change(case.key, lambda old: replace(old, threshold=0.9))
    app = opened(case)
    assert "Another export, with other settings, is in progress." in words(app) and "Create videos" in labels(app)
    act(tmp_path, "done")
    until(lambda: not exports.get(made.key).is_active)
    app = opened(case)
    assert "Earlier or unfinished exports of this run" in words(app)
    button(app, "Delete these exports").click().run()
    assert list(exports.of(case.run)) == []


def test_a_failure_says_why_and_can_be_tried_again(case: Case, exports: Exports, tmp_path: Path) -> None:
    act(tmp_path, "refuse")
    button(opened(case), "Create zip file").click().run()
    (made,) = exports.of(case.run)
    until(lambda: exports.get(made.key).state == "failed")
    app = opened(case)
    assert "x.jpg cannot be read. Run the analysis again" in app.error[0].value and "Try again" in labels(app)


def test_the_whole_way_with_the_real_child(case: Case) -> None:
    out = cache_dir() / "runs" / case.run / "out"
    for camera in ("cam1", "cam2"):
        write_tracks(out / "tracks" / f"{camera}.txt", load_tracks(out, camera))
    button(opened(case), "Create zip file").click().run()
    (made,) = services().exports.of(case.run)
    until(lambda: not services().exports.get(made.key).is_active, 60)
    app = opened(case)
    assert not app.exception and [one.value for one in app.error] == []
    (link,) = app.get("link_button")
    assert link.label.startswith("Download zip file (")
    done = services().exports.get(made.key)
    assert done.sums["gallery.zip"] in [one.value for one in app.code]
    answer = get(export_address(done, "gallery.zip", download_name(case, ".zip")), {"Range": "bytes=0-1"})
    assert (answer.status_code, answer.content) == (206, b"PK")
    zip_file = done.file("gallery.zip")
    # The log in it ends with the entry of this export.
    assert verify_zip(zip_file).log == services().cases.read_log(case.key).head
    assert main(["verify", str(zip_file)]) == 0
    assert "sign --new-key" in " ".join(block.value for block in app.code)
    signed_in_the_page(case, zip_file)


def signed_in_the_page(case: Case, zip_file: Path) -> None:
    new_key("a long passphrase")
    app = opened(case)
    passphrase = next(field for field in app.text_input if field.label == "Passphrase")
    passphrase.set_value("a wrong one")
    button(app, "Sign").click().run()
    assert "passphrase is wrong" in words(app) and not signature_file(zip_file).exists()
    head = services().cases.read_log(case.key).head
    next(field for field in app.text_input if field.label == "Passphrase").set_value("a long passphrase")
    button(app, "Sign").click().run()
    signature = verify_signature(zip_file)
    assert not app.exception and signature is not None and signature.fingerprint in words(app)
    assert "Download signature" in labels(app) and "a long passphrase" not in str(app.session_state)
    log = services().cases.read_log(case.key)
    assert log.head.entry == head.entry + 1 and "zip file signed with" in log.rows[-1].text


def get(address: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return asked(ROUTES, address, headers=headers)


def test_only_what_is_done_is_handed_over(case: Case, exports: Exports, tmp_path: Path) -> None:
    act(tmp_path, "done")
    button(opened(case), "Create zip file").click().run()
    (made,) = exports.of(case.run)
    until(lambda: not exports.get(made.key).is_active)
    made = exports.get(made.key)
    address = export_address(made, "gallery.zip", "Tür 3/../x.zip")
    answer = get(address)
    assert (answer.status_code, answer.content) == (200, b"zip")
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''T%C3%BCr_3_.._x.zip"
    assert answer.headers["cache-control"] == "no-store" and answer.headers["accept-ranges"] == "bytes"
    for crooked in ("said", "SHA256SUMS", "..%2Fjob.json", "../job.json", "gallery.zip%00"):
        assert get(f"/exports/{made.key}/{crooked}").status_code == 404
    assert get(f"/exports/{case.run}/gallery.zip").status_code == 404
    assert asked(ROUTES, address, cookies={}).status_code == 403
    for header in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        assert get(address, header).status_code == 403


def test_a_file_is_called_after_its_case() -> None:
    called = download_name(Case("k", "../Till 3: <yard>", 0.0), "-cam1.mp4", 1_700_000_000.0)
    assert called.startswith("Till_3_yard") and called.endswith("-2023-11-14-cam1.mp4")


def test_pictures_are_looked_through_before_they_go_out(case: Case) -> None:
    app = opened(case)
    assert "Look before you hand anything out" in words(app)
    toggle = next(each for each in app.toggle if each.label == "Look through the pictures")
    toggle.set_value(True).run()
    assert not app.exception and app.get("image")
    heads(app).set_value(True).run()
    assert "Look through the pictures" not in [each.label for each in app.toggle]


def test_one_person_alone_is_shown_in_videos_with_a_reason(case: Case, exports: Exports, tmp_path: Path) -> None:
    act(tmp_path, "done")
    app = opened(case)
    choice = next(each for each in app.selectbox if each.label == "Cover in the videos")
    choice.set_value(2).run()
    assert button(app, "Create videos").disabled and not button(app, "Create zip file").disabled
    next(each for each in app.text_input if "P002" in each.label).set_value("asked for by P002").run()
    button(app, "Create videos").click().run()
    (made,) = exports.of(case.run)
    export = json.loads((made.folder / "job.json").read_text())["export"]
    assert (export["only_person"], export["reason"]) == (2, "asked for by P002")
    assert any("everybody but P002 covered" in line for line in Cases().log_lines(case.key))


def test_frames_in_doubt_are_counted_beside_the_videos(case: Case, tmp_path: Path, monkeypatch: Any) -> None:
    record = tmp_path / "films.json"
    record.write_text('{"cameras": {"cam1": {"frames": 1500, "in_doubt": 12}, "cam2": {"frames": 500, "in_doubt": 1}}}')
    job = ExportJob("a", "done", tmp_path, 1.0, {"films.json": "0" * 64})
    monkeypatch.setattr(ExportJob, "file", lambda self, name: record)
    session = session_of(case)
    assert session is not None
    films = export_of(case, session, "films", "").key
    monkeypatch.setattr(Exports, "get", lambda self, key: job if key == films else None)
    assert "In 13 of 2,000 frames a head may not be covered" in words(opened(case))
