"""The people as the browser gets them, and what is said of them from a page: kept, logged, taken back, refused."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from core.base.errors import StoreError
from core.http import PEOPLE_ROUTES as ROUTES
from core.http import (
    crop_address,
    levels_address,
    lookalikes_address,
    people_address,
    state_address,
    state_of,
)
from core.machine.paths import cache_dir
from core.review import ReviewSession, cut, find_lookalikes, name, reject, same
from core.runs import TRACKLETS_FILE
from core.vision.match import FREE, IMPOSTOR_REASONS, TOGETHER
from core.workspace import (
    Refused,
    Saved,
    act,
    erase,
    redo,
    review_of,
    services,
    session_at,
    session_of,
    set_threshold,
    stamp_of,
    undo,
)
from core.workspace.cases import Case
from tests.pages.making import asked
from tests.review.making import big_case


@pytest.fixture
def case(own_house: Path) -> Case:
    """Six people, two cameras, each of them twice by each."""
    return big_case(2, 6, 24, 3, 30)


def get(address: str, **headers: str) -> httpx.Response:
    return asked(ROUTES, address, headers=headers)


def desk(case: Case, threshold: float | None = None) -> ReviewSession:
    found = session_at(case, threshold)
    assert found is not None
    return found


def test_everything_that_does_not_change_with_the_threshold(case: Case) -> None:
    answer = get(people_address(case))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    content, own = answer.json(), desk(case)
    assert (content["run"], content["cameras"], content["timed"]) == (case.run, ["cam1", "cam2"], True)
    assert content["clips"]["cam1"] == {"digest": case.clips[0].digest, "width": 128, "height": 64, "duration": 30.0}
    rows = content["rows"]
    assert {len(column) for column in rows.values()} == {24}
    assert [(content["cameras"][c], t) for c, t in zip(rows["camera"], rows["track"], strict=True)] == list(
        own.track_keys
    )
    assert sorted(rows["rank"]) == list(range(1, 25))
    assert (
        content["histogram"]["known_different"] == np.histogram(_pairs(own, IMPOSTOR_REASONS), 100, (-1, 1))[0].tolist()
    )
    assert content["histogram"]["possible"] == np.histogram(_pairs(own, (FREE,)), 100, (-1, 1))[0].tolist()
    assert content["threshold"] == content["suggested"] == own.match.threshold
    for row, crops in enumerate(rows["crops"]):
        mine = own.evidence.crops.of(row)
        assert [crop[0] for crop in crops] == mine.name.tolist()
        assert [crop[2] for crop in crops] == sorted((crop[2] for crop in crops), reverse=True)


def _pairs(own: ReviewSession, reasons: tuple[int, ...]) -> Any:
    upper = np.triu(np.isin(own.match.why, reasons), 1)
    return own.match.similarity[upper]


def test_the_tree_gives_the_people_of_any_threshold(case: Case) -> None:
    """As the browser reads it: levels are single precision, and a person bears the lowest rank of its group."""
    assert act(case, lambda own: same(own, *_alike(own))) == Saved(changed=True)
    content = get(people_address(case)).json()
    rank, tree = content["rows"]["rank"], content["tree"]
    assert tree["level"] == sorted(tree["level"], reverse=True) and tree["level"][0] == 2
    for level in (-1.0, 0.3, content["suggested"], tree["level"][5], 0.9, 1.0):
        group = list(range(len(rank)))
        for one, other, joined in zip(tree["leaf_a"], tree["leaf_b"], tree["level"], strict=True):
            if joined >= np.float32(level):
                group = [group[one] if number == group[other] else number for number in group]
        lowest = [min(rank[row] for row in range(len(rank)) if group[row] == number) for number in group]
        assert lowest == desk(case, level).people.person.tolist()


def _alike(own: ReviewSession) -> Any:
    """Two tracks of one person."""
    person = own.people.person
    one, other = np.argwhere(np.triu(person[:, None] == person, 1))[0]
    return own.track_keys[one], own.track_keys[other]


def test_what_changes_with_the_threshold(case: Case) -> None:
    for level in (0.2, 0.6, 1.0):
        content, own = get(f"{levels_address(case)}&t={level}").json(), desk(case, level)
        assert content["status"] == [own.people.status(row) for row in range(24)]
        assert content["rival"] == own.people.rival.tolist()
        alike = [math.nan if value is None else value for value in content["similarity"]]
        np.testing.assert_allclose(alike, own.people.similarity, atol=1e-4)
        for doubt in content["doubts"]:
            assert doubt["is_same_person"] == bool(own.people.person[doubt["a"]] == own.people.person[doubt["b"]])


def test_who_else_a_person_may_be(case: Case) -> None:
    session = desk(case, 1.0)
    camera, track = session.track_keys[0]
    address = f"{lookalikes_address(case)}&t=1.0"
    content = get(f"{address}&camera={camera}&track={track}").json()
    assert content["pairs"] and {pair["a"] for pair in content["pairs"]} == {0}
    assert content["more"] is (len(find_lookalikes(session, session.person_of(session.track_keys[0]), 99)) > 20)
    scores = [pair["similarity"] for pair in content["pairs"]]
    assert scores == sorted(scores, reverse=True)
    assert all(session.match.why[0, pair["b"]] == FREE for pair in content["pairs"])
    gone = get(f"{address}&camera={camera}&track=999")
    assert (gone.status_code, gone.json()["error"]) == (409, f"{camera}/track 999 no longer exists. Reload the page.")
    for wrong in ("&track=1", f"&camera={camera}", f"&camera={camera}&track=x"):
        assert get(f"{address}{wrong}").status_code == 400
    assert get(f"{lookalikes_address(case)}&t=x&camera={camera}&track={track}").status_code == 400
    assert asked(ROUTES, f"{address}&camera={camera}&track={track}", cookies={}).status_code == 403


@pytest.mark.parametrize("level", ["", "x", "nan", "2", "-1.1", "inf"])
def test_what_is_no_threshold_is_refused(case: Case, level: str) -> None:
    assert get(f"{levels_address(case)}&t={level}").status_code == 400


def test_the_browser_asks_again_and_is_told_when_nothing_changed(case: Case) -> None:
    address = people_address(case)
    first = get(address)
    again = get(address, **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    services().cases.change(case.key, lambda now: replace(now, threshold=0.8))
    changed = get(address, **{"If-None-Match": first.headers["etag"]})
    assert changed.json() == {**first.json(), "threshold": 0.8}


def test_crops_and_levels_are_asked_for_again_and_gone_with_the_case(case: Case) -> None:
    crop = f"{crop_address(case.run)}/{get(people_address(case)).json()['rows']['crops'][0][0][0]}"
    addresses = [crop, f"{levels_address(case)}&t=0.5"]
    tags = [{"If-None-Match": get(address).headers["etag"]} for address in addresses]
    for address, tag in zip(addresses, tags, strict=True):
        assert get(address).headers["cache-control"] == "private, no-cache"
        assert (get(address, **tag).status_code, get(address, **tag).content) == (304, b"")
    erase(services(), services().cases.load(case.key))
    assert [get(address, **tag).status_code for address, tag in zip(addresses, tags, strict=True)] == [404, 404]


def test_crops(case: Case) -> None:
    file = get(people_address(case)).json()["rows"]["crops"][0][0][0]
    answer = get(f"{crop_address(case.run)}/{file}")
    assert (answer.headers["content-type"], answer.content[:2]) == ("image/jpeg", b"\xff\xd8")


CROOKED = ["cam1/..%2Frun.json", "..%2F..%2Fjob.json/x.jpg", "cam1/%2e%2e.jpg", "cam3/x.jpg", "%2e%2e/tracks.jpg"]


@pytest.mark.parametrize("name", CROOKED)
def test_crooked_names_find_nothing(case: Case, name: str) -> None:
    (cache_dir() / "runs" / case.run / "out" / "tracks.jpg").write_bytes(b"secret")
    assert get(f"{crop_address(case.run)}/{name}").status_code == 404
    assert get(f"{crop_address('../' + case.run)}/{name}").status_code == 404


def test_foreign_hosts_and_guessed_tokens_are_refused(case: Case) -> None:
    file = desk(case).evidence.crops.name[0]
    for address in (people_address(case), f"{levels_address(case)}&t=0.5", f"{crop_address(case.run)}/{file}"):
        assert get(address).status_code == 200
        assert get(address, Host="evil.example").status_code == 403
        assert get(address, Origin="http://evil.example").status_code == 403
        assert asked(ROUTES, address, cookies={}).status_code == 403


def test_there_is_nobody_yet(own_house: Path) -> None:
    case = services().cases.new("empty")
    assert session_of(case) is None
    for address in (people_address(case), f"{levels_address(case)}&t=0.5"):
        answer = get(address)
        assert (answer.status_code, answer.json()) == (404, {"error": "There are no people yet. Start a run."})
    assert act(case, lambda own: own.review) == Refused("there are no people yet. Start a run.")
    assert get("/people/nobody.json").status_code == 404


def test_a_run_of_an_older_version_has_to_be_done_again(case: Case) -> None:
    (cache_dir() / "runs" / case.run / "out" / TRACKLETS_FILE).unlink()
    with pytest.raises(StoreError, match="Run it again"):
        session_of(case)
    assert "Run it again" in get(people_address(case)).json()["error"]


def test_what_is_said_is_kept_logged_and_taken_back(case: Case) -> None:
    before, stamp = get(people_address(case)).json(), stamp_of(case)
    assert act(case, lambda own: name(own, 1, "Anna")) == Saved(changed=True)
    assert stamp_of(case) != stamp
    assert review_of(case).done[-1].description == "Named P001 Anna"
    row = before["rows"]["rank"].index(1)
    assert get(people_address(case)).json()["rows"]["name"][row] == "Anna"
    assert undo(case) == Saved(changed=True)
    assert get(people_address(case)).json() == before
    assert redo(case) == Saved(changed=True)
    assert desk(case).labels.names == {1: "Anna"}
    said = [line.split(" ", 1)[1] for line in services().cases.log_lines(case.key)[-3:]]
    assert said == ["Named P001 Anna", "Undone: Named P001 Anna", "Redone: Named P001 Anna"]


def test_the_state_differs_after_every_decision_and_threshold(case: Case) -> None:
    states = [state_of(case)]
    addresses = {"people": people_address(case), "levels": levels_address(case)}
    assert get(state_address(case)).json() == {"state": states[0], "case": case.key, **addresses}
    steps = (
        lambda: act(case, lambda own: name(own, 1, "Anna")),
        lambda: undo(case),
        lambda: set_threshold(case, 0.5),
    )
    for step in steps:
        step()
        states.append(get(state_address(case)).json()["state"])
    assert len({*states}) == len(steps) + 1
    assert states[-1] == state_of(services().cases.load(case.key))
    services().cases.delete(case.key)
    assert get(state_address(case)).json() == {"state": ""}


def test_rules_of_matching_change_the_people_at_once(case: Case) -> None:
    """Also under a name that a camera got after the run; a merge stays, and its people can still be opened."""
    before, stamp = get(people_address(case)), stamp_of(case)
    own = desk(case)
    camera, person = own.evidence.tracklets.camera, own.people.person
    a, b = next((a, b) for a in np.flatnonzero(camera == 0) for b in np.flatnonzero(camera) if person[a] == person[b])
    renamed = replace(case.clips[0], camera="gate")

    def edit(old: Case) -> Case:
        return old.with_travel_time("cam1", "cam2", 600).with_clip("cam1", renamed)

    ruled = services().cases.change(case.key, edit)
    assert ruled.travel == (("cam2", "gate", 600.0),) and stamp_of(ruled) != stamp
    after = get(people_address(ruled), **{"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200 and after.json()["tree"] != before.json()["tree"]
    person = desk(ruled).people.person
    assert not set(person[camera == 0]) & set(person[camera == 1])
    assert act(ruled, lambda now: same(now, now.track_keys[a], now.track_keys[b])) == Saved(changed=True)
    assert desk(ruled).people.person[a] == desk(ruled).people.person[b]
    unruled = services().cases.change(case.key, lambda old: replace(old, travel=()))
    assert desk(unruled).people.person[a] == desk(unruled).people.person[b]
    assert stamp_of(services().cases.change(case.key, lambda old: replace(old, ignore_positions=True))) != stamp_of(
        unruled
    )


def test_what_cannot_be_is_said_in_words_and_changes_nothing(case: Case) -> None:
    own, stamp = desk(case), stamp_of(case)
    one, other = (own.track_keys[row] for row in np.argwhere(own.match.why == TOGETHER)[0])
    refused = act(case, lambda now: same(now, one, other))
    assert isinstance(refused, Refused) and "are visible at the same time" in refused.reason
    assert stamp_of(case) == stamp
    assert act(case, lambda now: now.review) == Saved(changed=False)
    assert (stamp_of(case), undo(case), redo(case)) == (stamp, Saved(changed=False), Saved(changed=False))
    assert len(services().cases.log_lines(case.key)) == 1


def test_a_desk_is_opened_once_for_all_who_look(case: Case) -> None:
    first = session_of(case)
    assert session_of(case) is first
    other = replace(case, threshold=0.9)
    assert session_of(other) is session_at(case, 0.9)
    assert session_of(case) is first
    sight = desk(case).track_keys[0]
    moment = float(np.unique(desk(case).evidence.crops.of(0).seconds)[1])
    assert act(case, lambda own: cut(own, *sight, moment)) == Saved(changed=True)
    assert len(desk(case).evidence.tracklets) == 25
    assert act(case, lambda own: reject(own, *_together(own))) == Saved(changed=True)


def _together(own: ReviewSession) -> Any:
    person = own.people.person
    return own.track_keys[int(np.flatnonzero(np.bincount(person)[person] > 1)[0])]
