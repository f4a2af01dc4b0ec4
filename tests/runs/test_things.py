"""What never moves and is hardly seen is a track that is marked as a thing: it is stored, and left out of MOT files."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.base.progress import Progress
from core.export import write_market
from core.export.film import boxes_at
from core.machine.artifacts import Store, read_arrays
from core.review.whatif import compare_runs, load_run, retrack_run
from core.runs import (
    DIFFERENT,
    IS_OBJECT,
    IS_PERSON,
    SAME,
    Camera,
    Choice,
    Link,
    MatchedPeople,
    RecordWriter,
    TrackKey,
    collect_evidence,
    decide,
    links_csv,
    load_evidence,
    load_people,
    load_tracks,
    read_links,
    read_record,
    run_cameras,
    write_tables,
)
from core.vision.detect import Boxes
from core.vision.mot import read_mot
from tests.runs.fakes import BrightDetector, ColourEmbedder, networks, write_scene
from tests.runs.making import RECIPE

COAT = (70.0, 40.0, 82.0, 66.0)


class CoatDetector(BrightDetector):
    """A coat hangs on the wall: the detector takes it for a person, and is sure of it for the first frames only."""

    def detect(self, frames):  # type: ignore[no-untyped-def]
        for frame, found in enumerate(super().detect(frames)):
            score = np.float32(0.6 if frame < 4 else 0.4)
            yield Boxes(np.vstack([found.xyxy, np.float32([COAT])]), np.append(found.score, score))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which two people walk past the coat."""
    return run(tmp_path_factory.mktemp("coat"), CoatDetector())


def run(folder: Path, detector: BrightDetector) -> Path:
    nets = networks(detector, ColourEmbedder())
    record = RecordWriter(folder / "out", RECIPE, nets, {})
    cameras = [Camera("gate", write_scene(folder / "gate.mp4", 40))]
    results = list(run_cameras(cameras, RECIPE, nets, Store(folder / "store"), Progress(), with_crops=True))
    for result in results:
        record.add(result)
    record.close()
    collect_evidence(results, {}, folder / "out")
    return folder / "out"


def people(out: Path, *links: Link) -> MatchedPeople:
    return decide(load_evidence(out), out, None, Choice(links=links))


def statuses(found: MatchedPeople) -> dict[int, str]:
    return {sighting.track: sighting.status for sighting in found.gallery.sightings}


def test_a_thing_is_stored_and_no_part_of_the_mot_file(out: Path) -> None:
    assert read_record(out).cameras["gate"].objects == (3,)
    assert set(load_tracks(out, "gate").track.tolist()) == {1, 2, 3}
    assert set(read_mot(out / "tracks" / "gate.txt").id.tolist()) == {1, 2}
    assert load_evidence(out).tracklets.is_object.tolist() == [False, False, True]
    assert set(load_evidence(out).walks.row.tolist()) <= {0, 1}


def test_people_are_pictured_as_if_it_were_not_there(out: Path, tmp_path: Path) -> None:
    found, alone = load_evidence(out), load_evidence(run(tmp_path, BrightDetector()))
    crops = found.crops[found.crops.row < 2]
    assert len(found.tracklets) == 3 and len(alone.tracklets) == 2
    for name in ("row", "frame", "quality", "vector"):
        np.testing.assert_array_equal(getattr(crops, name), getattr(alone.crops, name))
    np.testing.assert_array_equal(found.tracklets.vector[:2], alone.tracklets.vector)
    np.testing.assert_array_equal(found.camera_means, alone.camera_means)


def test_it_is_a_candidate_of_its_own_and_comes_last(out: Path) -> None:
    found = people(out)
    assert statuses(found)[3] == "thing" and found.gallery.sightings[-1].track == 3
    assert found.gallery.describe_people() == "2 people and 1 probable thing"
    assert not [each for each in found.gallery.lookalikes if 3 in (each.track, each.other_track)]
    write_tables(found, out)
    assert load_people(out).gallery.sightings[-1].status == "thing"


def test_what_the_user_says_of_it_counts(out: Path) -> None:
    coat, walker = TrackKey("gate", 3), TrackKey("gate", 1)
    shown = people(out, Link(coat, IS_PERSON))
    assert "thing" not in statuses(shown).values()
    files = write_tables(shown, out)
    assert set(read_mot(files["gate"]).id.tolist()) == {1, 2, 3}
    hidden = people(out, Link(walker, IS_OBJECT))
    assert statuses(hidden) == {1: "thing", 2: "alone", 3: "thing"}
    assert set(read_mot(write_tables(hidden, out)["gate"]).id.tolist()) == {2}
    assert statuses(people(out, Link(coat, DIFFERENT, walker)))[3] == "thing"


def test_films_draw_people_and_no_things(out: Path) -> None:
    found = people(out)
    boxes = boxes_at(found.evidence, found.match.people().person, out, "gate", load_tracks(out, "gate").seconds)
    assert set(boxes.track.tolist()) == {1, 2}


def test_a_set_of_crops_has_people_and_no_things(out: Path, tmp_path: Path) -> None:
    gallery = people(out).gallery
    crops = sum(len(sighting.crops) for sighting in gallery.sightings if sighting.status != "thing")
    assert write_market(gallery, tmp_path / "crops", blur=False) == crops
    assert len(list((tmp_path / "crops").glob("*.jpg"))) == crops < sum(len(s.crops) for s in gallery.sightings)


def test_other_tracking_settings_count_people_and_no_things(out: Path) -> None:
    """Detections of so low a confidence that the coat is all the surer a thing: who is there does not change."""
    before = load_run(out, Store(out.parent / "store"))
    again = retrack_run(before, replace(before.settings, conf=0.2))
    assert again.objects["gate"].tolist() == [3] and again.evidence is not None
    assert again.evidence.tracklets.is_object.tolist() == [False, False, True]
    changes = compare_runs(before, again, 0.99)
    assert (changes.people_before, changes.people_after) == (2, 2)


def test_links_of_one_track_are_lines_of_the_file(tmp_path: Path) -> None:
    links = (Link(TrackKey("gate", 3), IS_PERSON), Link(TrackKey("gate", 1), IS_OBJECT))
    (tmp_path / "links.csv").write_text(links_csv(links))
    assert read_links(tmp_path / "links.csv") == links
    with pytest.raises(ValueError, match="a second one"):
        Link(TrackKey("gate", 3), IS_PERSON, TrackKey("gate", 1))
    with pytest.raises(ValueError, match="a second one"):
        Link(TrackKey("gate", 3), SAME)


def test_a_run_of_before_has_no_things(out: Path, tmp_path: Path) -> None:
    """Its file has no column of them."""
    arrays = {name: values for name, values in read_arrays(out / "tracklets.npz").items() if name != "thing"}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    (tmp_path / "tracklets.npz").write_bytes(buffer.getvalue())
    assert not load_evidence(tmp_path).tracklets.is_object.any()
    assert replace(read_record(out).cameras["gate"], objects=()).to_dict().get("objects") is None
