"""From clips to people with fake networks: what is kept of each tracklet, who is who, and what is written."""

import csv
import json
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.errors import SettingsError, StoreError
from core.base.types import Tracklets
from core.cli import main
from core.export import ExportOptions, verify_zip, write_people
from core.runs import Evidence, build_gallery, build_people, load_evidence, read_links, resolve_links
from core.vision.match import Contradiction, Decisions, match
from core.vision.models import EmbedderPrior
from tests.runs.fakes import ColourEmbedder
from tests.runs.making import run

KNOWN = EmbedderPrior(impostor_mean=0.5, impostor_spread=0.2, threshold=0.9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("people")
    run(path)
    return path


@pytest.fixture
def evidence(folder: Path) -> Evidence:
    return load_evidence(folder / "out")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_track_has_times_a_look_colours_and_crops(evidence: Evidence, folder: Path) -> None:
    assert evidence.cameras == ("gate", "hall")
    assert evidence.tracklets.camera.tolist() == [0, 0, 1, 1]
    assert evidence.tracklets.start.tolist() == [0.0] * 4
    np.testing.assert_allclose(evidence.tracklets.end, 3.9)
    np.testing.assert_allclose(np.linalg.norm(evidence.tracklets.vector, axis=1), 1, atol=1e-5)
    gallery = build_gallery(evidence, match(evidence.tracklets, KNOWN), folder / "out", {})
    assert sorted(s.upper for s in gallery.sightings) == ["green", "green", "red", "red"]
    for row in range(4):
        mine = evidence.crops.of(row)
        assert len(mine) == 8 and (np.diff(mine.quality) <= 0).all()
        # Spread over the time in which the track is seen.
        assert np.ptp(mine.seconds) > 2.5
        picture = cv2.imread(str(folder / "out" / "crops" / str(mine.name[0])))
        colour = picture[8:-8, 4:-4].mean((0, 1)).argmax()
        assert {2: "red", 1: "green"}[int(colour)] == gallery.sightings[_place(gallery, evidence, row)].upper


def test_whoever_reads_the_report_knows_which_camera_is_missing(evidence: Evidence, folder: Path) -> None:
    cameras = [{"camera": "gate", "frames": 40}, {"camera": "yard", "failed": "yard.mp4 holds no frames"}]
    found = match(evidence.tracklets, KNOWN)
    gallery = build_gallery(evidence, found, folder / "out", {"run": {"cameras": cameras}})
    assert gallery.notes == ("yard could not be analysed and is left out: yard.mp4 holds no frames",)
    assert build_gallery(evidence, found, folder / "out", {}).notes == ()


def _place(gallery, evidence: Evidence, row: int) -> int:  # type: ignore[no-untyped-def]
    name = evidence.cameras[evidence.tracklets.camera[row]], int(evidence.tracklets.track[row])
    return [(s.camera, s.track) for s in gallery.sightings].index(name)


def test_what_is_kept_is_what_was_collected(tmp_path: Path) -> None:
    made = run(tmp_path, gate=2.5)
    again = load_evidence(tmp_path / "out")
    assert again.cameras == made.cameras and again.offsets.tolist() == [2.5, 0.0]
    for f in fields(Tracklets):
        assert np.array_equal(getattr(made.tracklets, f.name), getattr(again.tracklets, f.name))
    assert again.crops.name.tolist() == made.crops.name.tolist()
    # The clock is common; what is shown is the clip's own time.
    assert made.tracklets.start.tolist() == [2.5, 2.5, 0, 0]
    assert made.clip_seconds(0) == made.clip_seconds(2)


def test_crops_are_embedded_once(tmp_path: Path) -> None:
    embedder = ColourEmbedder()
    run(tmp_path, embedder)
    before = embedder.crops
    assert before > 0
    run(tmp_path, embedder, hall=1.0)
    assert embedder.crops == before


def test_who_is_who_is_written_down(evidence: Evidence, folder: Path) -> None:
    found = match(evidence.tracklets, KNOWN, 0.9)
    people = build_people(evidence, found, folder / "out", {"models": "fakes"})
    write_people(people, folder / "out", ExportOptions(when="today"))
    table = rows(folder / "out" / "people.csv")
    assert [(row["camera"], row["person"], row["status"]) for row in table] == [
        ("gate", "P001", "candidate"),
        ("hall", "P001", "candidate"),
        ("gate", "P002", "candidate"),
        ("hall", "P002", "candidate"),
    ]
    with np.load(folder / "out" / "similarity.npz", allow_pickle=False) as held:
        assert held["similarity"].shape == held["why"].shape == (4, 4)
        assert held["camera"].tolist() == ["gate", "gate", "hall", "hall"]
    manifest = verify_zip(folder / "out" / "gallery.zip")
    assert manifest.about["models"] == "fakes"
    assert manifest.about["matching"]["threshold"] == 0.9
    assert "too little evidence" in manifest.about["matching"]["words"]


def test_a_run_in_which_nobody_was_seen(tmp_path: Path) -> None:
    nobody = run(tmp_path, empty=True)
    assert len(nobody.tracklets) == 0 and len(nobody.crops) == 0
    found = match(load_evidence(tmp_path / "out").tracklets, KNOWN)
    write_people(build_people(nobody, found, tmp_path / "out", {}), tmp_path / "out")
    assert rows(tmp_path / "out" / "people.csv") == []


def links(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["camera,track,other_camera,other_track,decision", *lines]) + "\n", encoding="utf-8")
    return path


def test_decisions_are_read_as_rows_and_obeyed(evidence: Evidence, tmp_path: Path) -> None:
    said = resolve_links(
        read_links(links(tmp_path / "a.csv", "gate,1,hall,2,same", "gate,2,hall,2,different")), evidence
    )
    assert said == Decisions(same=((0, 3),), different=((1, 3),))
    found = match(evidence.tracklets, KNOWN, 0.9, said).people()
    assert found.person[0] == found.person[3] != found.person[1]


@pytest.mark.parametrize(
    "line", ["gate,1,hall,9,same", "gate,1,hall,2,perhaps", "gate,one,hall,2,same", "porch,1,hall,2,same", "gate,1"]
)
def test_decisions_that_mean_nothing_are_refused(line: str, evidence: Evidence, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line 3"):
        resolve_links(read_links(links(tmp_path / "a.csv", "gate,1,hall,1,same", line)), evidence)


def test_two_seen_together_cannot_be_joined(evidence: Evidence, tmp_path: Path) -> None:
    said = resolve_links(read_links(links(tmp_path / "a.csv", "gate,1,hall,1,same", "hall,1,gate,2,same")), evidence)
    with pytest.raises(Contradiction, match="at the same time"):
        match(evidence.tracklets, KNOWN, None, said)


def test_the_command_decides_again_without_a_network(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import core.vision.embed

    monkeypatch.setattr(core.vision.embed.opening, "open_embedder", None)
    out = folder / "out"
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    record["models"]["embedder"]["name"] = "person-osnet"
    (out / "run.json").write_text(json.dumps(record), encoding="utf-8")
    words = ["gallery", str(out), "--progress", "none"]
    assert main([*words, "--cos", "0.9"]) == 0
    assert "2 people among 4 tracks at similarity 0.90 (given)" in capsys.readouterr().out
    assert main([*words, "--cos", "0.9999", "--links", str(links(tmp_path / "a.csv", "gate,1,hall,1,different"))]) == 0
    assert len({row["person"] for row in rows(out / "people.csv")}) >= 3
    assert main([*words, "--cos", "7"]) == 2
    assert "outside -1 to 1" in capsys.readouterr().err
    assert main(["gallery", str(tmp_path / "nowhere")]) == 2
    assert "run CLIP CLIP" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"), [(["--offset", "porch=2"], "porch=2 names no camera"), (["--cos", "7"], "outside -1 to 1")]
)
def test_what_is_mistyped_is_said_before_anything_runs(
    words: list[str], said: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(folder / "gate.mp4"), "--out", str(tmp_path / "out"), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "tracklets.npz").write_bytes(b"PK not a zip")
    with pytest.raises(StoreError, match="cannot be read"):
        load_evidence(tmp_path)
