"""Candidates and people's similarities of a run: what is written is what matching says, with the crops that say it."""

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.export import write_people
from core.runs import Evidence, build_people, load_evidence
from core.vision.match import match, subtract_mean
from core.vision.models import EmbedderPrior
from tests.runs.making import run

KNOWN = EmbedderPrior(impostor_mean=0.5, impostor_spread=0.2, threshold=0.9)
TOGETHER = "both were in the picture of one camera at the same time"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lookalikes")
    run(path)
    return path / "out"


@pytest.fixture
def evidence(out: Path) -> Evidence:
    return load_evidence(out)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_track_has_its_candidates_and_what_decided(evidence: Evidence, out: Path) -> None:
    """Two figures in two cameras: everybody's own is in the other camera, so the two of other colour are left."""
    found = match(evidence.tracklets, KNOWN, 0.9)
    write_people(build_people(evidence, found, out, {}), out)
    table = rows(out / "candidates.csv")
    assert [(row["camera"], row["track"], row["place"]) for row in table] == [
        (camera, track, place) for camera in ("gate", "hall") for track in ("1", "2") for place in ("1", "2")
    ]
    people = {(row["camera"], row["track"]): row for row in rows(out / "people.csv")}
    for row in table:
        one, other = (row["camera"], row["track"]), (row["other_camera"], row["other_track"])
        here, there = (evidence.row_of[camera, int(track)] for camera, track in (one, other))
        assert (row["reason"] == TOGETHER) == (one[0] == other[0]) and row["reason"] in ("", TOGETHER)
        assert row["person"] == people[one]["person"] != row["other_person"] == people[other]["person"]
        alike = float(evidence.tracklets.vector[here] @ evidence.tracklets.vector[there])
        assert float(row["similarity"]) == pytest.approx(alike, abs=1e-4)
        assert float(row["margin"]) == pytest.approx(float(people[one]["similarity"]) - alike, abs=2e-4)
        # The two crops are there, and no others of the two tracks are more alike.
        mine, theirs = evidence.crops.of(here), evidence.crops.of(there)
        looks = (
            subtract_mean(c.vector, evidence.camera_means[evidence.tracklets.camera[r]])
            for c, r in ((mine, here), (theirs, there))
        )
        pairs = next(looks) @ next(looks).T
        a, b = (
            mine.frame.tolist().index(int(row["crop_frame"])),
            theirs.frame.tolist().index(int(row["other_crop_frame"])),
        )
        assert pairs[a, b] == pairs.max()
        assert float(row["crop_similarity"]) == pytest.approx(min(pairs.max(), 1), abs=1e-4)
        assert float(row["crop_s"]) == pytest.approx(mine.seconds[a], abs=1e-3)
    with zipfile.ZipFile(out / "gallery.zip") as file:
        assert file.read("candidates.csv") == (out / "candidates.csv").read_bytes()
        assert "candidates.csv" in file.read("README.txt").decode()


def test_how_alike_people_are_is_kept(evidence: Evidence, out: Path) -> None:
    found = match(evidence.tracklets, KNOWN, 0.9)
    write_people(build_people(evidence, found, out, {}), out)
    with np.load(out / "similarity.npz", allow_pickle=False) as held:
        similarity, person, people, between = (held[name] for name in ("similarity", "person", "people", "between"))
    assert people.tolist() == [1, 2] and person.tolist() == found.people().person.tolist()
    apart = similarity[np.ix_(person == 1, person == 2)].mean()
    np.testing.assert_allclose(between[0, 1], apart, atol=1e-6)
    np.testing.assert_allclose(np.diagonal(between), [similarity[person == n][:, person == n].min() for n in (1, 2)])


def test_somebody_alone_has_no_margin(evidence: Evidence, out: Path) -> None:
    found = match(evidence.tracklets, KNOWN, 1.01)
    write_people(build_people(evidence, found, out, {}), out)
    table = rows(out / "candidates.csv")
    assert len(table) == 12 and all(row["margin"] == "" for row in table)
