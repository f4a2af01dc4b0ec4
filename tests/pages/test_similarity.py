"""Similarity: no case, no run, at work, failed, motion only, nobody, one track, one person, ready, changed; data."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.http import NONE, UNIT, similarity_address
from core.http import SIMILARITY_ROUTES as ROUTES
from core.machine.paths import cache_dir
from core.review import name, save_review
from core.runs import Choice, decide, save_evidence, write_tables
from core.vision.match import group_similarity
from core.workspace import services, session_of
from core.workspace.cases import Case, Cases
from pages.parts.download.tables import similarity
from pages.parts.similarity import charts
from pages.parts.similarity.charts import chart_html, count_pairs
from tests.pages.making import asked, page, words
from tests.review.making import big_case, made

LEVEL = 0.5


@pytest.fixture
def case() -> Case:
    return at(big_case(cameras=2, people=3, tracklets=8, crops=2, seconds=20, noise=0.1), LEVEL)


def at(case: Case, threshold: float) -> Case:
    return Cases().change(case.key, lambda old: replace(old, threshold=threshold))


def opened(case: Case, **state: str) -> AppTest:
    app = page("similarity")
    app.session_state["case"] = case.key
    for key, value in state.items():
        app.session_state[key.replace("_", " ")] = value
    return app.run()


def kinds(app: AppTest) -> list[str]:
    """What each component of ours on the page shows."""
    shown = [json.loads(one.proto.json or "{}") for one in app.get("bidi_component")]
    return [data.get("of", "map") for data in shown]


def test_no_case_no_clips_no_run() -> None:
    app = page("similarity").run()
    assert not app.exception and "No case is open" in words(app)
    empty = Cases().new("empty")
    assert "No clips yet" in words(opened(empty))


@pytest.mark.slow
def test_no_run_at_work_failed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    run = case.run
    case = Cases().change(case.key, lambda old: replace(old, run=""))
    app = opened(case)
    assert not app.exception and "No results yet" in words(app)
    case = Cases().change(case.key, lambda old: replace(old, wanted=run))
    job = services().jobs.get(run)
    states = {"running": "in progress", "failed": "there is nothing to compare.** Disk full.", "stopped": "was stopped"}
    for state, said in states.items():
        seen = replace(job, state=state, fault="Disk full.")  # type: ignore[arg-type]
        monkeypatch.setattr(services().jobs, "all", lambda seen=seen: [seen])
        monkeypatch.setattr(services().jobs, "get", lambda key, seen=seen: seen)
        app = opened(case)
        assert not app.exception and said in words(app)


def test_without_an_appearance_model_there_is_nothing_to_compare(case: Case) -> None:
    job = out_of(case).parent / "job.json"
    content = json.loads(job.read_text())
    content["order"]["embedder"] = "none"
    job.write_text(json.dumps(content))
    app = opened(case)
    assert not app.exception and "no re-identification model" in words(app)


@pytest.mark.parametrize(("tracks", "said"), [(0, "No people were found"), (1, "Only one track")])
def test_too_few(case: Case, tracks: int, said: str) -> None:
    save_evidence(made(2, 1, tracks, 1), out_of(case))
    app = opened(case)
    assert not app.exception and said in words(app)
    assert not kinds(app)


def test_one_person_is_said_and_the_tracks_are_shown(case: Case) -> None:
    save_evidence(made(2, 1, 4, 2, 20, noise=0.01), out_of(case))
    app = opened(case)
    assert not app.exception and "4 tracks are one person" in words(app)
    assert kinds(app) == ["tracks"]
    assert "All tracks are one person" in words(opened(case, similarity_view="people"))


def test_ready_shows_people_tracks_and_the_map(case: Case) -> None:
    app = opened(case)
    assert not app.exception and "your threshold of **0.50**, 8 tracks make 3 people" in words(app)
    assert kinds(app) == ["people"]
    assert kinds(opened(case, similarity_view="tracks")) == ["tracks"]
    assert kinds(opened(case, similarity_view="map")) == ["map"]
    assert "possible matches" in words(app)


def test_another_threshold_makes_other_people(case: Case) -> None:
    at(case, 1.0)
    app = opened(case)
    assert "8 tracks make 8 people" in words(app)
    Cases().change(case.key, lambda old: replace(old, threshold=None))
    assert "the suggested threshold" in words(opened(case))


def test_a_run_that_cannot_be_read_is_advice(case: Case) -> None:
    (out_of(case) / "tracklets.npz").write_bytes(b"broken")
    app = opened(case)
    assert not app.exception and "Run it again." in app.error[0].value


def test_files_say_how_they_were_made(case: Case) -> None:
    desk = session_of(case)
    assert desk is not None
    about = charts.about(case, desk)
    assert about["models"]["embedder"]["sha256"] and about["run"] == case.run
    assert about["threshold"] == {"value": LEVEL, "is": "chosen by the user"}
    assert [one.label for one in opened(case).get("download_button")] == [
        "People (CSV)",
        "Tracks and people (NumPy)",
    ]


def test_the_arrays_are_those_of_the_command_line(case: Case, tmp_path: Path) -> None:
    desk = session_of(case)
    assert desk is not None
    said = Choice(case.threshold, desk.review.links, names=desk.review.names, purpose=case.purpose)
    write_tables(decide(desk.uncut_evidence, desk.out, desk.prior, said), desk.out, tmp_path)
    assert similarity(case, desk) == (tmp_path / "similarity.npz").read_bytes()


def test_pairs_are_counted_once(case: Case) -> None:
    desk = session_of(case)
    assert desk is not None
    found = count_pairs(desk.match)
    why = desk.match.why
    assert found.possible.sum() == np.triu(why == 0, 1).sum()
    assert found.different.sum() == np.triu(why == 1, 1).sum()
    assert chart_html(found, LEVEL).count("<i ") == np.count_nonzero(found.possible) + np.count_nonzero(found.different)
    assert "threshold 0.50" in chart_html(found, LEVEL)


def get(address: str, **headers: str) -> httpx.Response:
    return asked(ROUTES, address, headers=headers)


def tile(case: Case, kind: str, level: float = LEVEL, step: int = 1, row: int = 0, column: int = 0) -> str:
    query = f"&order=by_person&step={step}&row={row}&column={column}"
    return similarity_address(case, f"{kind}.bin", level) + query


def matrix(content: bytes, rows: int, columns: int) -> tuple[Any, Any]:
    cells = rows * columns
    alike = np.frombuffer(content, "<i2", cells).reshape(rows, columns)
    return alike, np.frombuffer(content, np.uint8, offset=2 * cells).reshape(rows, columns) / 255


def test_matrices_are_those_of_the_match(case: Case) -> None:
    desk = session_of(case)
    assert desk is not None
    order = get(similarity_address(case, "rows.json", LEVEL)).json()["tracks"]["by_person"]
    alike, differs = matrix(get(tile(case, "tracks")).content, 8, 8)
    np.testing.assert_allclose(alike / UNIT, desk.match.similarity[order][:, order], atol=0.6 / UNIT)
    np.testing.assert_array_equal(differs, desk.match.why[order][:, order] != 0)
    # At another threshold there are other people.
    alike, differs = matrix(get(tile(case, "people", 1.0)).content, 8, 8)
    assert (alike.diagonal() == NONE).all()
    alike, differs = matrix(get(tile(case, "people")).content, 3, 3)
    people, group = np.unique(desk.people.person, return_inverse=True)
    np.testing.assert_allclose(alike / UNIT, group_similarity(desk.match.similarity, group), atol=0.6 / UNIT)
    for one in range(len(people)):
        for other in range(len(people)):
            forbidden = desk.match.why[np.ix_(group == one, group == other)].any()
            assert bool(differs[one, other]) == forbidden


def test_from_afar_a_cell_is_the_mean_of_its_pairs(case: Case) -> None:
    desk = session_of(case)
    assert desk is not None
    near, near_differs = matrix(get(tile(case, "tracks")).content, 8, 8)
    far, far_differs = matrix(get(tile(case, "tracks", step=4)).content, 2, 2)
    np.testing.assert_allclose(far, near.reshape(2, 4, 2, 4).mean((1, 3)), atol=1)
    np.testing.assert_allclose(far_differs, near_differs.reshape(2, 4, 2, 4).mean((1, 3)), atol=0.01)
    # Nobody is left out where the rows are no multiple of the step, and what cannot be compared does not count.
    far, _ = matrix(get(tile(case, "people", 1.0, step=16)).content, 1, 1)
    assert 0 < far[0, 0] < UNIT
    assert get(similarity_address(case, "scale.json", LEVEL) + "&of=tracks").json()["low"] <= near.min() / UNIT


@pytest.mark.parametrize("wrong", [{"step": 3}, {"step": 0}, {"row": 1}, {"column": -1}])
def test_there_is_no_such_tile(case: Case, wrong: dict[str, int]) -> None:
    assert get(tile(case, "tracks", **wrong)).status_code == 400  # type: ignore[arg-type]


def test_who_stands_where(case: Case) -> None:
    desk = session_of(case)
    assert desk is not None
    shown = get(similarity_address(case, "rows.json", LEVEL)).json()
    tracks, people = shown["tracks"], shown["people"]
    assert tracks["person"] == desk.people.person.tolist() and people["tracks"] == [2, 3, 3]
    person = np.array(tracks["person"])
    assert (np.diff(person[tracks["by_person"]]) >= 0).all()
    for order in (tracks["by_person"], tracks["by_similarity"]):
        assert sorted(order) == list(range(8))
        assert np.count_nonzero(np.diff(person[order])) == 2, "everybody's tracks stand together"
    assert sorted(people["by_similarity"]) == people["by_person"] == [0, 1, 2]
    crops = desk.evidence.crops
    for row, file in enumerate(tracks["crop"]):
        assert file == str(crops.of(row).name[0])
    best = {str(n): float(q) for n, q in zip(crops.name, crops.quality, strict=True)}
    for place, number in enumerate(people["person"]):
        assert best[people["crop"][place]] == max(best[tracks["crop"][row]] for row in np.flatnonzero(person == number))


def test_one_pair(case: Case) -> None:
    desk = session_of(case)
    assert desk is not None
    pair = get(similarity_address(case, "pair.json", LEVEL) + "&of=tracks&a=0&b=1").json()
    assert pair["similarity"] == pytest.approx(float(desk.match.similarity[0, 1]), abs=1e-4)
    assert not pair["is_same_person"] and pair["text"].startswith("Apart: ")
    assert pair["is_known_different"] == bool(desk.match.why[0, 1])
    assert [crop["camera"] for crop in pair["crops"]] == ["cam1", "cam1"]
    assert (out_of(case) / "crops" / pair["crops"][0]["file"]).is_file()
    one, other = np.unique(desk.people.person)[:2]
    both = get(similarity_address(case, "pair.json", LEVEL) + f"&of=people&a={one}&b={other}").json()
    assert not both["is_same_person"] and len(both["crops"]) == 2
    assert get(similarity_address(case, "map.json", LEVEL)).json()["method"] == "t-SNE"


def test_wrong_questions_are_refused(case: Case) -> None:
    address = similarity_address(case, "pair.json", LEVEL)
    assert get(address + "&of=tracks&a=0&b=99").status_code == 400
    assert get(address + "&of=tracks&a=0").status_code == 400
    assert get(address + "&of=people&a=1&b=77").status_code == 404
    assert get(address.replace("pair.json", "..%2Fcase.json")).status_code == 404
    assert get(address.replace(case.key, "ffff")).status_code == 404
    assert get(address.replace("t=0.5", "t=nan")).status_code in (400, 404)
    assert asked(ROUTES, address, cookies={}).status_code == 403
    assert get(address, Host="evil.example").status_code == 403
    assert get(address, Origin="http://evil.example").status_code == 403


def test_an_address_of_older_results_is_refused(case: Case) -> None:
    """A second tab that still shows them must not mix them with newer ones."""
    address = tile(case, "tracks")
    assert get(address).status_code == 200
    desk = session_of(case)
    assert desk is not None
    save_review(services().cases.review_file(case.key), name(desk, int(desk.people.person[0]), "Anna"))
    assert get(address).status_code == 409
    shown = get(similarity_address(case, "rows.json", LEVEL)).json()
    assert "Anna" in shown["people"]["name"]


def out_of(case: Case) -> Path:
    return cache_dir() / "runs" / case.run / "out"
