"""What a reader of the report must find: the facts of the case, where each person was when, and what speaks against."""

import math
import re
from dataclasses import asdict, replace
from typing import Any

from core.base.text import Clocks
from core.export import CaseFacts, DecisionFact
from core.export.facts import Original, run_in_words
from core.export.full_frames import FullFrames
from core.export.report_people import (
    MAX_AGAINST,
    ROWS_PER_TIMELINE,
    CommonTime,
    against,
    in_order,
    itinerary,
    timelines,
)
from core.runs import Crop, Gallery, Lookalike, Sighting, TrackKey
from tests.export.making import seen, some
from tests.export.test_report import page_of

FACTS = CaseFacts(
    "5f00aa11",
    "Bank, main entrance",
    "kowalska",
    "2026-11-30T09:00:01+01:00",
    "2026-11-29T18:00:00+01:00",
    "Europe/Berlin",
    (
        DecisionFact("2026-11-29T19:30:00+01:00", "Confirmed P001", (TrackKey("cam1", 3),), "nowak"),
        DecisionFact("2026-11-29T19:31:00+01:00", "P002 and P009 are different", (TrackKey("cam2", 1),)),
    ),
)
CLIP = {"camera": "cam1", "file": "a.mp4", "width": 1920, "height": 1080, "fps": 25.0, "frames": 1500, "analysed": 600}
CLOCKS = Clocks.read({"cam1": "2026-11-28T14:03:10", "cam2": "2026-11-28T14:02:00"}, "Europe/Berlin", {"cam2": 5.0})


def about(**more: Any) -> dict[str, Any]:
    """The facts of a gallery that a case has exported."""
    originals = [Original("cam1", "a.mp4", "d" * 32, "ab" * 32, 3_000_000), Original("cam2", "b.mp4", missing="gone")]
    content = {
        "case": asdict(FACTS),
        "originals": [asdict(each) for each in originals],
        "run": {"cameras": [CLIP, {**CLIP, "camera": "cam2"}], "program": "sightline 0.1"},
        "purpose": "theft of a bag",
        "matching": {"threshold": 0.62},
        "offset_seconds": {"cam1": 70.0, "cam2": 0.0},
    }
    return {**content, **more}


def facts_of(text: str) -> list[tuple[str, str]]:
    """Name and value of every fact of the page."""
    return re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", text)


def test_the_cover_says_whose_what_when_and_with_what() -> None:
    text, _ = page_of(some(about=about(), clocks=CLOCKS))
    cover = facts_of(text)
    assert {
        ("Case", "Bank, main entrance (5f00aa11)"),
        ("Purpose", "theft of a bag"),
        ("To be kept until", "no date was given"),
        ("Prepared by", "kowalska (user name on the computer)"),
        ("Prepared on", "2026-11-30 09:00:01 (UTC+01:00)"),
        ("Recordings analysed on", "2026-11-29 18:00:00 (UTC+01:00)"),
        ("Last decision about people", "2026-11-29 19:31:00 (UTC+01:00)"),
        ("Times", "Times are of 2026-11-28 in Europe/Berlin, or have their date."),
        ("People", "0 of 3 confirmed by somebody who compared the pictures"),
        ("Recording start", "2026-11-28 14:03:10.0"),
        ("Recording start", "2026-11-28 14:02:00.0"),
        ("Start offset", "+70.0 s"),
        ("Clock drift", "+5 s a day"),
        ("Recording", "1920 x 1080, 25 frames a second, 0:01:00; 600 of 1,500 frames analysed"),
        ("File", "a.mp4, 3.0 MB"),
        ("SHA-256", "ab" * 32),
        ("SHA-256", "unknown: gone"),
    } <= set(cover)
    assert "BLAKE2b, 128 bits" in text and "Bank, main entrance" in text.partition("<h1>")[2][:40]


def test_clocks_that_were_set_after_matching_say_so() -> None:
    text, _ = page_of(some(about=about(offset_seconds={"cam1": 1.5, "cam2": 0.0}), clocks=CLOCKS))
    assert ("Start offset", "+70.0 s; people were matched with +1.5 s") in facts_of(text)


def test_without_a_case_the_cover_says_what_is_unknown() -> None:
    text, page = page_of(some(about={}))
    assert {
        ("Case", "none: made from the folder of a run"),
        ("Purpose", "none was given"),
        ("Prepared by", "not recorded"),
        ("Prepared on", "not recorded here; manifest.json has the date"),
        ("Times", "The start times of the recordings are unknown. Times are clip times."),
    } <= set(facts_of(text))
    assert "What was decided" not in page.words


def test_people_count_as_confirmed_once_all_their_sightings_are() -> None:
    confirmed = (seen("cam1", 3, 1, status="confirmed"), seen("cam2", 17, 1, status="confirmed"))
    _, page = page_of(Gallery((*confirmed, seen("cam1", 4, 2))))
    assert "1 of 2 confirmed by somebody who compared the pictures" in page.words
    assert {"2 sightings, 2 cameras, confirmed", "1 sighting, 1 camera, not confirmed"} <= set(page.words)


def test_who_decided_what_stands_with_the_person_it_is_about() -> None:
    text, _ = page_of(some(about=about()))
    people = dict(zip(("P001", "P002", "P003"), text.split('class="person"')[1:], strict=True))
    assert "2026-11-29 19:30:00+01:00</time> Confirmed P001, by nowak" in people["P001"]
    assert "P002 and P009 are different, by a user of this case" in people["P002"]
    assert "nobody has decided anything about this person" in people["P003"]


def test_an_itinerary_goes_by_time_over_all_cameras() -> None:
    """cam2's clip begins 70 s earlier, so that its later seconds come first."""
    gallery = some(about=about(), clocks=CLOCKS)
    time, (_, sightings) = CommonTime(gallery), gallery.by_person()[1]
    stops = itinerary(in_order(sightings, time), time)
    assert [(stop.sighting.camera, stop.begins, stop.clip_time, stop.after) for stop in stops] == [
        ("cam2", "14:02:04", "0:00:05 to 0:00:12", ""),
        ("cam1", "14:03:30", "0:00:20 to 0:00:27", "77.8 s later"),
    ]
    without = some(about=about())
    time = CommonTime(without)
    stops = itinerary(in_order(without.by_person()[1][1], time), time)
    assert [(stop.sighting.camera, stop.begins) for stop in stops] == [("cam2", "0:00:05"), ("cam1", "0:01:30")]
    first = itinerary(in_order(without.by_person()[0][1], time), time)
    assert [(stop.sighting.camera, stop.after) for stop in first] == [("cam1", ""), ("cam2", "overlaps")]


def test_the_timeline_has_a_bar_for_each_sighting_and_hides_none() -> None:
    gallery = some(about=about(), clocks=CLOCKS)
    (drawing,) = timelines(gallery, CommonTime(gallery))
    assert [text for _, text in drawing.rows] == ["P001", "P002", "P003"] and len(drawing.bars) == 5
    first, second = drawing.bars[:2]
    assert first.colour != second.colour and abs(first.y - second.y) >= 9  # both were seen at the same time
    assert all(bar.x >= 0 and bar.x + bar.width <= drawing.width and bar.y < drawing.height for bar in drawing.bars)
    assert "14:02:05" in [text for _, text in drawing.ticks] or len(drawing.ticks) >= 3
    crowd = Gallery(tuple(seen("cam1", number, number, crops=0) for number in range(1, ROWS_PER_TIMELINE + 3)))
    assert [len(part.rows) for part in timelines(crowd, CommonTime(crowd))] == [ROWS_PER_TIMELINE, 2]
    assert timelines(Gallery((seen_without_time(),)), CommonTime(Gallery())) == []


def seen_without_time() -> Sighting:
    return Sighting("cam1", 1, 1, math.nan, math.nan)


def rival(**more: Any) -> Lookalike:
    crop = Crop(1.0, 1, b"")
    values = {"similarity": 0.3, "margin": 0.4, "reason": "", **more}
    return Lookalike("cam1", 3, 1, 1, "cam2", 1, 2, crop=crop, other_crop=crop, crop_similarity=0.5, **values)


def said(*rivals: Lookalike, **sighting: Any) -> list[str]:
    sightings = (seen("cam1", 3, 1, crops=0, **sighting), seen("cam2", 17, 1, crops=0), seen("cam2", 1, 2, crops=0))
    gallery = Gallery(sightings, about=about(), lookalikes=rivals)
    return against(gallery.by_person()[0][1], gallery)


def test_what_speaks_against_is_said() -> None:
    assert said(rival()) == ["Nobody else comes close: P002 (cam2, track 1) is the most similar, at 0.30."]
    assert said(rival(), similarity=0.64)[0] == (
        "cam1, track 3: similarity 0.64 to the other sightings, just above the threshold of 0.62."
    )
    assert "just under the threshold" in said(rival(), similarity=0.6)[0]
    assert "well under the threshold" in said(rival(), similarity=0.4)[0]
    assert said(rival(), status="doubtful")[0].startswith("The program doubts cam1, track 3: ")
    assert said(rival(similarity=0.6)) == [
        "cam1, track 3, and P002 (cam2, track 1) look alike (0.60), just under the threshold of 0.62."
    ]
    assert "by only 0.02 less than" in said(rival(similarity=0.7, margin=0.02))[0]
    assert "by 0.03 more than" in said(rival(similarity=0.7, margin=-0.03))[0]
    assert said(rival(similarity=0.7, reason="both were in the picture"))[0].endswith(
        "look alike (0.70), but are known to be different: both were in the picture."
    )
    assert said() == ["Nothing: no sighting is near the threshold, and there is nobody else to take for this person."]


def test_somebody_who_was_seen_once_and_many_rivals() -> None:
    gallery = some(about=about())
    assert against(gallery.by_person()[2][1], gallery)[0].startswith("Seen once")
    many = [replace(rival(similarity=0.7), other_person=number, other_track=number) for number in range(2, 20)]
    lines = said(*many)
    assert len(lines) == MAX_AGAINST + 1 and lines[-1] == "10 more; candidates.csv has all of them."


def test_each_sighting_has_its_whole_picture_or_the_reason() -> None:
    frames = FullFrames({("cam1", 3): b"\xff\xd8 a frame"}, {"cam2": "b.mp4 has changed since the run"})
    text, page = page_of(some(about=about()), frames=frames)
    pictures = [a for tag, a in page.tags if tag == "img" and "full frame" in (a["alt"] or "")]
    assert len(pictures) == 1 and (pictures[0]["alt"] or "").startswith("P001 in cam1 at 0:00:10")
    assert text.count("No full frame: b.mp4 has changed since the run.") == 3
    assert text.count("No full frame: it cannot be read.") == 1
    assert "Full frame at 0:00:10, frame 250" in page.words
    text, _ = page_of(some(about=about()), frames=replace(frames, left_out=2))
    assert "2 sightings have no full frame" in text and "left out, so that the report stays small" in text


def test_settings_are_said_in_words() -> None:
    run = {
        "settings": {"video": {"fps": 10, "end_seconds": None}, "track": {"max_age": 1.5, "few": None}},
        "models": {"embedder": {"name": "osnet", "known": {"few": {"few": None}}}},
        "regions": {"cam1": {"regions": [{"mode": "include"}, {"mode": "exclude"}], "anchor": "foot"}},
    }
    topics = dict(run_in_words(about(run=run, choice={"threshold": None, "looks_only": True})))
    assert topics["Which frames were analysed"] == [
        ("Analysis frame rate", "10 frames a second"),
        ("End of the analysed part", "the end"),
    ]
    assert topics["How people were followed within a camera"] == [("Maximum gap", "1.5 s")]
    assert ("Similarity threshold", "0.62, suggested by the clips") in topics["How people were matched across cameras"]
    assert topics["Regions in which people count"] == [("cam1", "1 to include, 1 to exclude; the feet must lie inside")]
    assert "few" not in str(topics) and "none" not in str(topics)
