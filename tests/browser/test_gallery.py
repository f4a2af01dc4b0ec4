"""The gallery in a real browser: the slider, decisions by keys, the queue, the film with its boxes; reload keeps."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect

from core.base.text import person_name
from core.machine.paths import cache_dir
from core.review import confirm, find_lookalikes, load_review, most_doubtful_pairs, same, save_review
from core.runs import load_evidence, save_evidence
from core.vision.match import FREE, TOGETHER
from core.workspace import Saved, act, session_of
from core.workspace.cases import Case, Cases
from tests.browser.conftest import at_home, enter, serving, shown_by
from tests.browser.journeys.steps import press
from tests.review.making import big_case


@pytest.fixture(scope="module")
def four(root: Path) -> Case:
    """Four people, each seen once by each of two cameras."""
    with at_home(root):
        return big_case(cameras=2, people=4, tracklets=8, crops=2, seconds=20, noise=0.5)


@pytest.fixture(scope="module")
def many(root: Path) -> Case:
    """Fourteen people, six of them seen by both cameras. Clips of their own length: a run is named by its clips."""
    with at_home(root):
        return big_case(cameras=2, people=14, tracklets=20, crops=2, seconds=25, noise=0.3)


def mark_things(case: Case) -> Case:
    """The case, whose run has taken its last two tracks for things."""
    out = cache_dir() / "runs" / case.run / "out"
    evidence = load_evidence(out)
    is_object = np.arange(len(evidence.tracklets)) >= len(evidence.tracklets) - 2
    save_evidence(replace(evidence, tracklets=replace(evidence.tracklets, is_object=is_object)), out)
    return case


@pytest.fixture
def case(four: Case, house: Path, request: pytest.FixtureRequest) -> Case:
    return shown_by(four, request.node.name)


def opened(tab: Page, case: Case) -> Locator:
    """The slider, once people and what Python says about them are there."""
    tab.goto(f"/people?case={case.key}")
    expect(tab.locator(".person").first).to_be_visible()
    expect(tab.locator(".bar .main")).to_have_text(re.compile("most doubtful pair|No doubtful pairs"))
    return tab.get_by_role("slider")


def names(tab: Page) -> list[str]:
    return tab.locator(".person .name").all_inner_texts()


def person(tab: Page, name: str) -> Locator:
    return tab.locator(".person").filter(has=tab.get_by_role("button", name=name, exact=True))


def done(case: Case, *kinds: str) -> None:
    """What was said is on disk, as soon as it is just this."""
    path = Cases().review_file(case.key)
    for _ in range(200):
        if (found := tuple(action.kind for action in load_review(path).done)) == kinds:
            return
        time.sleep(0.05)
    raise AssertionError(f"expected {kinds}, found {found}")


def level_on_disk(case: Case, level: float | None) -> None:
    """The case has this level, or has it in a moment."""
    for _ in range(200):
        if (found := Cases().load(case.key).threshold) == level:
            return
        time.sleep(0.05)
    raise AssertionError(f"expected the level {level}, found {found}")


def test_groups_split_and_join_as_the_slider_moves_and_numbers_stay(tab: Page, case: Case) -> None:
    slider = opened(tab, case)
    expect(tab.locator(".counts")).to_contain_text("4 people")
    before = set(names(tab))
    slider.focus()
    slider.press("End")
    expect(tab.locator(".counts")).to_have_text("8 people · 0 seen by several cameras · 8 seen once")
    expect(tab.locator(".person")).to_have_count(8)
    assert before < set(names(tab))
    expect(tab.locator(".meaning")).to_contain_text("No sightings are linked")
    tab.get_by_role("spinbutton").fill("0.5")
    tab.get_by_role("spinbutton").press("Enter")
    expect(tab.locator(".counts")).to_contain_text("4 people")
    assert set(names(tab)) == before
    level_on_disk(case, 0.5)
    # A reload keeps the level.
    expect(opened(tab, case)).to_have_value("0.5")
    tab.get_by_role("button", name="Back to the suggested").click()
    level_on_disk(case, None)


def test_a_travel_time_parts_people_as_soon_as_it_is_typed(tab: Page, case: Case) -> None:
    opened(tab, case)
    expect(tab.locator(".counts")).to_contain_text("4 people")
    tab.get_by_text("How people are matched").click()
    field = tab.get_by_label("cam1 – cam2 (s)")
    field.fill("600")
    field.press("Enter")
    expect(tab.locator(".counts")).to_contain_text("8 people")
    assert Cases().load(case.key).travel_time("cam1", "cam2") == 600
    # The field stays where it is, with its panel open; emptied, all is as before.
    expect(field).to_have_value("600.00")
    field.fill("")
    field.press("Enter")
    expect(tab.locator(".counts")).to_contain_text("4 people")


def test_a_level_that_a_reload_overtook_is_kept_and_shown(tab: Page, case: Case) -> None:
    """The page was left before it heard that the level was saved: the outbox in the browser still has it."""
    opened(tab, case)
    action = {"id": "1", "case": case.key, "run": case.run, "command": "set_threshold", "threshold": 0.5}
    entries = json.dumps([{"action": action, "place": ""}])
    # Written as the page goes, after the page itself has written its own.
    tab.evaluate("(text) => addEventListener('pagehide', () => sessionStorage['sightline outbox'] = text)", entries)
    Cases().change(case.key, lambda saved: replace(saved, threshold=0.5))
    expect(opened(tab, case)).to_have_value("0.5")
    level_on_disk(case, 0.5)
    tab.wait_for_function("!sessionStorage['sightline outbox']")
    expect(tab.get_by_role("slider")).to_have_value("0.5")


def test_decisions_by_keys_are_kept_and_taken_back(tab: Page, case: Case) -> None:
    opened(tab, case)
    tab.keyboard.press("j")
    tab.keyboard.press("c")
    done(case, "confirm")
    first = person(tab, "P001")
    expect(first.locator(".status")).to_contain_text("confirmed")
    expect(tab.get_by_role("button", name="Undo: Confirmed P001")).to_be_enabled()
    # The focus is where it was.
    expect(first).to_be_focused()
    tab.keyboard.press("Enter")
    expect(first.locator(".sighting")).to_have_count(2)
    first.get_by_role("button", name="Not this person").last.focus()
    tab.keyboard.press("x")
    done(case, "confirm", "reject")
    expect(tab.locator(".counts")).to_contain_text("5 people")
    tab.keyboard.press("Control+z")
    done(case, "confirm")
    expect(tab.locator(".counts")).to_contain_text("4 people")
    expect(first.locator(".status")).to_contain_text("confirmed")
    opened(tab, case)
    expect(person(tab, "P001").locator(".status")).to_contain_text("confirmed")


def test_a_decision_in_another_tab_is_seen_without_a_reload(tab: Page, case: Case) -> None:
    opened(tab, case)
    with tab.context.new_page() as beside:
        opened(beside, case)
        beside.keyboard.press("j")
        beside.keyboard.press("c")
        done(case, "confirm")
        expect(person(tab, "P001").locator(".status")).to_contain_text("confirmed")
        tab.get_by_role("button", name="Undo: Confirmed P001").click()
        done(case)
        expect(person(beside, "P001").locator(".status")).not_to_contain_text("confirmed")


def test_a_decision_elsewhere_is_seen_before_python_draws_the_page(tab: Page, case: Case) -> None:
    """The tab's messages to the server are held back, as if every thread there were busy."""
    is_busy = False

    def connect(page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        page.on_message(lambda message: None if is_busy else server.send(message))

    tab.route_web_socket(re.compile("_stcore/stream"), connect)
    opened(tab, case)
    is_busy = True
    assert act(case, lambda session: confirm(session, 1)) == Saved(changed=True)
    expect(tab.locator(".person .status").filter(has_text="confirmed")).to_have_count(1, timeout=5_000)
    assert not tab.get_by_role("button", name="Undo: Confirmed").count(), "Python has drawn the page"
    is_busy = False
    tab.reload()
    expect(tab.get_by_role("button", name=re.compile("^Undo: Confirmed"))).to_be_visible()


def test_names_last_and_what_cannot_be_is_refused_at_its_place(tab: Page, case: Case) -> None:
    opened(tab, case)
    tab.get_by_role("button", name="P001", exact=True).click()
    tab.keyboard.type("Ada j/k")
    tab.keyboard.press("Enter")
    done(case, "name")
    expect(person(tab, "Ada j/k")).to_be_visible()
    # Two who are in one picture together: refused, and nothing is changed.
    boxes = tab.get_by_role("checkbox", name=re.compile("^Select "))
    boxes.nth(0).check()
    boxes.nth(1).check()
    tab.keyboard.press("m")
    expect(tab.locator(".person .fault")).to_contain_text("are visible at the same time")
    done(case, "name")
    opened(tab, case)
    expect(person(tab, "Ada j/k")).to_be_visible()


def test_the_queue_goes_on_at_once_and_undo_goes_back(tab: Page, case: Case) -> None:
    opened(tab, case)
    tab.keyboard.press("q")
    head = tab.locator("dialog.queue h2")
    expect(head).to_contain_text("1 of ")
    tab.keyboard.press("y")
    expect(head).to_contain_text("2 of ")
    tab.keyboard.press("n")
    expect(head).to_contain_text("3 of ")
    done(case, "same", "different")
    tab.keyboard.press("Backspace")
    expect(head).to_contain_text("2 of ")
    done(case, "same")
    tab.keyboard.press("?")
    expect(head).to_contain_text("3 of ")
    done(case, "same", "unsure")
    tab.keyboard.press("Escape")
    expect(tab.locator("dialog.queue")).to_be_hidden()
    expect(tab.locator(".bar .main")).to_be_focused()


def test_a_refused_pair_stays_with_the_reason_until_the_next_key(tab: Page, case: Case) -> None:
    """Elsewhere the first of the pair was joined with somebody who is in one picture with the second."""
    opened(tab, case)
    tab.keyboard.press("q")
    head = tab.locator("dialog.queue h2")
    expect(head).to_contain_text("1 of ")
    session = session_of(Cases().load(case.key))
    assert session is not None
    pair = most_doubtful_pairs(session, 1)[0]
    why = session.match.why
    third = next(
        int(row)
        for row in np.flatnonzero(why[pair.rows[0]] == FREE)
        if why[pair.rows[1], row] == TOGETHER and row != pair.rows[0]
    )
    # At a threshold at which everybody is alone, so that nobody else is joined.
    save_review(Cases().review_file(case.key), same(session.at(1.0), pair.first, session.track_keys[third]))
    tab.keyboard.press("y")
    expect(head).to_contain_text("This answer cannot hold: 1 of ")
    queue = tab.locator("dialog.queue")
    expect(queue.locator(".fault")).to_contain_text("shows both")
    expect(queue.get_by_role("status")).to_contain_text("Refused: ")
    tab.keyboard.press("n")
    expect(head).to_contain_text("Is this the same person?")
    expect(queue.locator(".fault")).to_have_count(0)
    done(case, "same")
    tab.keyboard.press("Backspace")
    expect(head).to_contain_text("1 of ")


def test_the_sentence_about_a_pair_says_what_holds_after_undo(tab: Page, case: Case) -> None:
    opened(tab, case)
    tab.keyboard.press("q")
    sentence = tab.locator("dialog.queue .reason")
    before = sentence.inner_text()
    answer, after = ("n", "Now two people") if before.startswith("Now one") else ("y", "Now one person")
    counts = tab.locator(".counts")
    people = counts.inner_text()
    tab.keyboard.press(answer)
    expect(tab.locator("dialog.queue h2")).to_contain_text("2 of ")
    done(case, "different" if answer == "n" else "same")
    # The page has heard of it: until the undo is done, the sentence would say what holds by then.
    expect(counts).not_to_have_text(people)
    tab.keyboard.press("Backspace")
    expect(tab.locator("dialog.queue h2")).to_contain_text("1 of ")
    done(case)
    expect(sentence).to_have_text(before)
    assert after not in sentence.inner_text()


def test_a_person_is_found_in_other_cameras(tab: Page, case: Case) -> None:
    """Where everybody is alone: most similar first, answered like the queue, and at the end there is nobody more."""
    slider = opened(tab, case)
    slider.focus()
    slider.press("End")
    level_on_disk(case, 1.0)
    session = session_of(Cases().load(case.key))
    assert session is not None
    number = session.person_of(session.track_keys[0])
    pairs = find_lookalikes(session, number, 20)
    title = person_name(number)
    button = tab.get_by_role("button", name=f"Find {title} in other cameras")
    button.click()
    dialog = tab.get_by_role("dialog", name=f"Sightings like {title}")
    head = dialog.locator("h2")
    expect(head).to_have_text(f"Is this {title}? 1 of {len(pairs)}")
    expect(dialog.locator(".reason")).to_contain_text(
        f"Similarity {pairs[0].similarity:.2f}: below the threshold, 1.00."
    )
    expect(dialog.locator("figcaption strong")).to_have_text([pairs[0].first.camera, pairs[0].second.camera])
    tab.keyboard.press("n")
    expect(head).to_contain_text("2 of ")
    done(case, "different")
    tab.keyboard.press("Backspace")
    expect(head).to_contain_text("1 of ")
    done(case)
    tab.keyboard.press("y")
    done(case, "same")
    for _ in pairs[1:]:
        tab.keyboard.press("?")
    expect(dialog).to_contain_text(f"There is nobody else to compare with {title}.")
    tab.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    expect(person(tab, title)).to_contain_text("2 sightings")
    # Those who are left are asked again, without the one who was found; by key as well.
    tab.keyboard.press("f")
    expect(head).to_have_text(re.compile(rf"Is this {title}\? 1 of [1-{len(pairs) - 1}]"))


def test_of_many_people_those_seen_once_are_folded_and_rows_are_low(tab: Page, many: Case, house: Path) -> None:
    opened(tab, shown_by(many, "many people"))
    expect(tab.locator(".counts")).to_have_text("14 people · 6 seen by several cameras · 8 seen once")
    expect(tab.get_by_label(re.compile("^Sort by"))).to_have_value("most cameras")
    expect(tab.locator(".person")).to_have_count(6)
    height = tab.locator(".rows").evaluate("(rows) => rows.offsetHeight")
    tab.get_by_label(re.compile("^View")).select_option("compact")
    expect(tab.locator(".gallery")).to_have_class(re.compile("compact"))
    assert tab.locator(".rows").evaluate("(rows) => rows.offsetHeight") < height / 1.8
    tab.get_by_role("button", name="Show 8 people seen once").click()
    expect(tab.locator(".person")).to_have_count(14)
    tab.get_by_role("button", name="Hide 8 people seen once").click()
    expect(tab.locator(".person")).to_have_count(6)
    # Whoever is searched for is shown all the same.
    tab.keyboard.press("/")
    tab.keyboard.type("seen once")
    expect(tab.locator(".person")).to_have_count(8)


def test_things_are_last_hidden_by_a_button_and_people_when_somebody_says_so(tab: Page, house: Path) -> None:
    case = mark_things(big_case(cameras=2, people=5, tracklets=10, crops=2, seconds=27, noise=0.3))
    opened(tab, case)
    badges = tab.locator(".person .status")
    expect(badges.filter(has_text="thing?")).to_have_count(2)
    assert badges.all_inner_texts()[-2:] == ["▢\nthing?", "▢\nthing?"]
    expect(tab.locator(".counts")).to_contain_text("2 probable things")
    tab.get_by_role("button", name="Hide things (2)").click()
    expect(tab.locator('.person[data-status="thing"]')).to_have_count(0)
    tab.reload()
    tab.get_by_role("button", name="Show things (2)").click()
    person(tab, "P010").get_by_role("button", name="This is a person").click()
    expect(badges.filter(has_text="thing?")).to_have_count(1)
    done(case, "person")
    tab.keyboard.press("Control+z")
    expect(badges.filter(has_text="thing?")).to_have_count(2)
    done(case)
    # By key, and of a person too.
    person(tab, "P001").focus()
    tab.keyboard.press("t")
    expect(badges.filter(has_text="thing?")).not_to_have_count(2)
    done(case, "thing")


def test_people_as_tiles_are_walked_opened_and_kept(tab: Page, many: Case, house: Path) -> None:
    opened(tab, shown_by(many, "tiles"))
    tab.get_by_role("button", name="Show 8 people seen once").click()
    tab.get_by_label(re.compile("^View")).select_option("tiles")
    tiles = tab.locator(".person.tile")
    expect(tiles).to_have_count(14)
    expect(tiles.first).to_contain_text("2 cameras · 2 sightings")
    expect(tiles.first.locator("img")).to_have_count(1)
    lines = [top_of(tile) for tile in tiles.all()]
    columns = lines.count(lines[0])
    assert columns >= 7 and top_of(tiles.nth(columns)) > lines[0]
    tab.keyboard.press("j")
    expect(tiles.first).to_be_focused()
    tab.keyboard.press("ArrowDown")
    expect(tiles.nth(columns)).to_be_focused()
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("ArrowRight")
    second = tab.locator(".person[aria-posinset='2']")
    expect(second).to_be_focused()
    tab.keyboard.press("Enter")
    expect(second).to_have_attribute("data-open", "true")
    expect(second.locator(".sighting")).to_have_count(2)
    expect(second).to_be_focused()
    boxes = [tab.locator(f".person[aria-posinset='{place}']").bounding_box() for place in (1, 2, 3)]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(set(tops)), "an open person has a line alone"
    tab.keyboard.press("Enter")
    expect(tiles).to_have_count(14)
    expect(second).to_be_focused()
    tab.reload()
    expect(tiles.first).to_be_visible()


def test_filters_say_what_hides_everybody(tab: Page, case: Case) -> None:
    opened(tab, case)
    tab.keyboard.press("/")
    tab.keyboard.type("nobody at all")
    expect(tab.locator(".person")).to_have_count(0)
    tab.get_by_role("button", name="Remove search “nobody at all” (shows 4)").click()
    expect(tab.locator(".person")).to_have_count(4)
    button = tab.get_by_role("button", name=re.compile("^Filters"))
    top = tab.get_by_label(re.compile("^Top"))
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(top).to_be_hidden()
    button.click()
    top.select_option("red")
    shown = tab.locator(".person").count()
    assert 0 < shown < 4
    expect(tab.locator(".match-count")).to_have_text(f"{shown} of 4 shown")
    expect(button).to_have_text("Filters (1)")
    # A reload keeps them too, and that they are open.
    opened(tab, case)
    expect(tab.locator(".person")).to_have_count(shown)
    expect(top).to_be_visible()
    button.click()
    expect(top).to_be_hidden()
    expect(button).to_have_text("Filters (1)")
    tab.get_by_role("button", name="Clear filters").click()
    expect(tab.locator(".person")).to_have_count(4)
    expect(button).to_have_text("Filters")


def test_people_begin_in_the_upper_third_and_six_low_rows_are_visible(tab: Page, many: Case, house: Path) -> None:
    opened(tab, shown_by(many, "the first screen"))
    people = tab.locator(".person")
    assert top_of(people.first) < 260
    tab.get_by_label(re.compile("^View")).select_option("compact")
    expect(tab.locator(".gallery")).to_have_class(re.compile("compact"))
    expect(people.nth(5)).to_be_in_viewport(ratio=1)
    # The histogram on demand, and again after a reload.
    canvas, histogram = tab.locator(".histogram canvas"), tab.get_by_role("button", name="Histogram")
    expect(canvas).to_be_hidden()
    histogram.click()
    expect(canvas).to_be_visible()
    tab.reload()
    expect(canvas).to_be_visible()
    expect(histogram).to_have_attribute("aria-expanded", "true")
    assert tab.evaluate(INKED), "the histogram is empty"
    histogram.click()
    expect(canvas).to_be_hidden()
    # Undo stays in view while the list is scrolled.
    tab.get_by_role("button", name="Show 8 people seen once").click()
    scroll(tab, "main.scrollHeight")
    expect(people.first).not_to_be_in_viewport()
    expect(tab.get_by_role("button", name=re.compile("^Undo"))).to_be_in_viewport()


def top_of(element: Locator) -> float:
    box = element.bounding_box()
    assert box is not None
    return box["y"]


INKED = """() => {
  const screens = [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')];
  const canvas = screens.map((screen) => screen.shadowRoot.querySelector(".histogram canvas")).find(Boolean);
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.some((value) => value > 0);
}"""


def test_a_picture_plays_its_moment_and_a_track_is_cut(tab: Page, case: Case) -> None:
    opened(tab, case)
    tab.locator(".crop").first.click()
    player = tab.locator(".player")
    expect(player).to_have_attribute("data-boxes", re.compile("[1-9]"))
    # The detections of this run were never stored, which is said while they are asked for.
    note = tab.locator(".steps .note")
    expect(note).to_contain_text("no longer in the cache")
    tab.get_by_label("All detections").uncheck()
    expect(note).to_be_hidden()
    stop = tab.locator(".steps output")
    before = stop.inner_text()
    # By keyboard: Tab goes round in the dialog, and leads to what is beside the film.
    press(tab, "Next frame")
    expect(stop).not_to_have_text(before)
    tab.get_by_role("button", name="Cut track 1 here").click()
    done(case, "cut")
    expect(tab.get_by_role("dialog").get_by_text("Cut track 1 here")).to_be_visible()
    tab.keyboard.press("Escape")
    undo = tab.get_by_role("button", name=re.compile(r"Undo: Cut cam1\/track 1"))
    expect(undo).to_be_visible()
    # The focus returns to the crop that was played.
    expect(tab.locator(".crop").first).to_be_focused()
    undo.click()
    done(case)
    expect(tab.locator(".gallery > .announcer")).to_have_text(re.compile("Undone: Cut cam1/track 1"))
    tab.get_by_role("button", name=re.compile("Redo: Cut cam1")).click()
    done(case, "cut")
    expect(tab.locator(".counts")).to_contain_text("5 people")


def test_what_was_said_outlives_the_server_and_the_page(chromium: Browser, fresh: Path, tmp_path: Path) -> None:
    """The server is killed, the user goes on; a new one is there, and the tab reconnects, or opens another page."""
    case = big_case(cameras=2, people=4, tracklets=8, crops=2, seconds=20, noise=0.5)
    waiting = re.compile("Not saved yet: 1 action")
    with serving(tmp_path / "log") as address:
        context = chromium.new_context(base_url=address, viewport={"width": 1440, "height": 900})
        enter(context, address)
        tab = context.new_page()
        tab.on("dialog", lambda dialog: dialog.accept())
        opened(tab, case)
        tab.keyboard.press("j")
    port = int(address.rpartition(":")[2])
    tab.keyboard.press("c")
    expect(person(tab, "P001").get_by_text("Not saved yet")).to_be_visible()
    expect(tab.get_by_text(waiting)).to_be_in_viewport()
    with serving(tmp_path / "log", port):
        # It tries again in a while.
        expect(tab.get_by_text(waiting)).to_have_count(0, timeout=90_000)
        done(case, "confirm")
        expect(person(tab, "P001").locator(".status")).to_contain_text("confirmed")
    tab.get_by_role("button", name="P002", exact=True).click()
    tab.keyboard.type("Ada")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text(waiting)).to_be_visible()
    with serving(tmp_path / "log", port):
        tab.goto(f"/program?case={case.key}")
        expect(tab.get_by_role("heading", name="About", level=1)).to_be_visible()
        done(case, "confirm", "name")
        expect(tab.get_by_text(waiting)).to_have_count(0)
        assert tab.evaluate("Object.keys(sessionStorage).filter((key) => key.includes('outbox'))") == []
        Cases().delete(case.key)
        tab.reload()
        tab.wait_for_function("!Object.keys(sessionStorage).some((key) => key.startsWith('sightline'))")
    context.close()


@pytest.mark.parametrize("width", [900, 1440, 2560])
def test_nothing_is_wider_than_the_window(tab: Page, case: Case, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    opened(tab, case)
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    expect(tab.locator(".sighting").first).to_be_visible()
    assert not tab.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert tab.locator(".gallery").evaluate("root => root.scrollWidth <= root.clientWidth + 1")


def test_who_stays_keeps_name_and_place_when_the_first_sighting_leaves(tab: Page, case: Case) -> None:
    """By keys, right from the link that led here."""
    opened(tab, case)
    tab.get_by_role("link", name="Gallery").focus()
    tab.keyboard.press("j")
    first = person(tab, "P001")
    expect(first).to_be_focused()
    tab.keyboard.press("Enter")
    first.get_by_role("button", name="Rename").last.click()
    tab.keyboard.type("Anna")
    tab.keyboard.press("Enter")
    done(case, "name")
    person(tab, "Anna").get_by_role("button", name="Not this person").first.click()
    done(case, "name", "reject")
    anna = person(tab, "Anna")
    expect(anna).to_be_focused()
    expect(anna).to_have_attribute("data-open", "true")
    expect(anna.locator(".sighting")).to_have_count(1)
    # The number stays with those who stay, and who leaves gets a new one.
    expect(anna.locator(".identity")).to_contain_text("P001")
    expect(person(tab, "P009")).to_have_attribute("data-open", "false")
    tab.keyboard.press("Control+z")
    done(case, "name")
    expect(person(tab, "Anna").locator(".sighting")).to_have_count(2)


@pytest.fixture(scope="module")
def crowd(root: Path) -> Case:
    """A hundred and fifty people, each seen once by each of two cameras."""
    with at_home(root):
        return big_case(cameras=2, people=150, tracklets=300, crops=1, seconds=900, noise=0.3)


@pytest.fixture
def long_list(tab: Page, crowd: Case, house: Path, request: pytest.FixtureRequest) -> Locator:
    """All sightings apart, so that the list has three hundred rows; the first of them has the focus."""
    opened(tab, shown_by(crowd, request.node.name)).press("End")
    expect(tab.locator(".counts")).to_contain_text("300 people")
    tab.keyboard.press("j")
    rows = tab.locator(".person")
    expect(rows.first).to_be_focused()
    return rows


def scroll(tab: Page, to: str) -> None:
    tab.get_by_test_id("stMain").evaluate(f"main => main.scrollTo(0, {to})")


def test_of_a_long_list_only_what_is_near_the_window_is_in_the_page(tab: Page, long_list: Locator) -> None:
    assert 5 < long_list.count() < 40
    expect(long_list.first).to_have_attribute("aria-setsize", "300")
    expect(long_list.first).to_have_attribute("aria-posinset", "1")
    first = long_list.first.get_attribute("aria-label")
    scroll(tab, "main.scrollHeight")
    expect(tab.locator(".person[aria-posinset='300']")).to_be_attached()
    # Where somebody was stays, with the focus.
    expect(tab.locator(".person:focus")).to_have_attribute("aria-label", str(first))
    assert long_list.count() < 40
    # A step goes on from there, and comes into view.
    tab.keyboard.press("j")
    expect(tab.locator(".person:focus")).to_have_attribute("aria-posinset", "2")
    expect(tab.locator(".person:focus")).to_be_in_viewport()
    expect(tab.locator(".person[aria-posinset='300']")).to_have_count(0)


def test_of_many_tiles_only_what_is_near_the_window_is_in_the_page(tab: Page, long_list: Locator) -> None:
    tab.get_by_label(re.compile("^View")).select_option("tiles")
    expect(tab.locator(".person.tile").first).to_be_visible()
    assert 40 < long_list.count() < 150
    scroll(tab, "main.scrollHeight")
    last = tab.locator(".person[aria-posinset='300']")
    expect(last).to_be_attached()
    assert long_list.count() < 150
    scroll(tab, "main.scrollHeight")
    expect(last).to_be_in_viewport()
    tab.get_by_label("Jump to").select_option(index=3)
    expect(tab.locator(".person:focus")).to_have_attribute("aria-posinset", "41")
    expect(tab.locator(".person:focus")).to_be_in_viewport()


def test_rows_stay_where_they_are_while_a_long_list_is_scrolled(tab: Page, long_list: Locator) -> None:
    """Rows that have not been seen yet are as high as estimated: what is in view must not jump when that was wrong."""
    scroll(tab, "main.scrollHeight / 2")
    tab.wait_for_timeout(500)
    middle = tab.evaluate(TOP_ROW)
    scroll(tab, "main.scrollTop - 900")
    tab.wait_for_timeout(500)
    scroll(tab, "main.scrollTop + 900")
    tab.wait_for_timeout(500)
    assert abs(tab.evaluate(TOP_ROW) - middle) <= 1


TOP_ROW = """() => {
  const screens = [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')];
  const rows = screens.flatMap((screen) => [...screen.shadowRoot.querySelectorAll(".person")]);
  const row = rows.find((person) => person.getBoundingClientRect().bottom > 450);
  return Number(row.getAttribute("aria-posinset"));
}"""


def test_a_selected_person_is_found_again_in_a_long_list(tab: Page, long_list: Locator) -> None:
    tab.keyboard.press(" ")
    scroll(tab, "main.scrollHeight")
    last = tab.locator(".person[aria-posinset='300']")
    last.get_by_role("checkbox").check()
    expect(tab.locator(".tray")).to_contain_text("2 people selected")
    expect(tab.locator(".person[aria-posinset='1']")).to_have_count(0)
    tab.get_by_role("button", name="Go to selected", exact=True).click()
    expect(tab.locator(".person:focus")).to_have_attribute("aria-posinset", "1")
    expect(tab.locator(".person:focus")).to_be_in_viewport()
    tab.keyboard.press("m")
    expect(tab.locator(".fault").or_(tab.get_by_text("299 people"))).not_to_have_count(0)


def test_tab_goes_through_a_long_list(tab: Page, long_list: Locator) -> None:
    for _ in range(60):
        tab.keyboard.press("Tab")
    row = tab.locator(".person:focus-within")
    expect(row).to_be_in_viewport()
    assert int(row.get_attribute("aria-posinset") or 0) > 10
