"""`gallery` with crops that somebody brings, and with crops that a run leaves, on the shipped embedder."""

import csv
import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from core.cli import main
from core.export import verify_zip
from core.lab.training import read_crops
from tests.cli.making import PEOPLE, who


def test_crops_become_a_gallery(brought: Path) -> None:
    found = who(brought / "out")
    assert len(found) == 3 * PEOPLE and len({found["one", track] for track in range(1, PEOPLE + 1)}) == PEOPLE
    right = sum(found["two", 2 * n - 1 + shot] == found["one", n] for n in range(1, PEOPLE + 1) for shot in (0, 1))
    assert right >= 6  # of 8, drawn as they are
    record = json.loads((brought / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["models"]["embedder"]["name"] == "person-osnet" and record["state"] == "done"


def test_it_is_decided_again_without_a_network_or_its_file(
    brought: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(brought / "out", tmp_path / "out")
    monkeypatch.setattr("core.cli.gallery.open_embedder", None)
    monkeypatch.setattr("core.cli.gallery.find", None)
    assert main(["gallery", str(tmp_path / "out"), "--cos", "1", "--progress", "none"]) == 0
    assert len(set(who(tmp_path / "out").values())) == 3 * PEOPLE
    assert "at similarity 1.00 (given)" in capsys.readouterr().out


def test_crops_go_out_as_a_data_set(brought: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (brought / "out" / "gallery.zip").read_bytes()
    words = ["gallery", str(brought / "out"), "--progress", "none", "--market", str(tmp_path / "market")]
    assert main(words) == 0
    crops, people = read_crops(tmp_path / "market"), set(who(brought / "out").values())
    assert len(crops) == 4 * PEOPLE and set(crops.people.tolist()) == {int(name[1:]) for name in people}
    assert set(crops.camera.tolist()) == {1, 2}
    assert f"{4 * PEOPLE} crops of {len(people)} people" in capsys.readouterr().out
    # Nothing was decided again, and at 0.5 it was decided before.
    assert (brought / "out" / "gallery.zip").read_bytes() == before
    readme = (tmp_path / "market" / "README.txt").read_text(encoding="utf-8")
    assert "Similarity threshold: 0.50, set by hand\n" in readme
    assert main(words) == 2 and "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize("cos", ["1", "0"])
def test_what_is_decided_with_it_is_what_goes_out(cos: str, brought: Path, tmp_path: Path) -> None:
    shutil.copytree(brought / "out", tmp_path / "out")
    words = ["gallery", str(tmp_path / "out"), "--cos", cos, "--market", str(tmp_path / "market")]
    assert main([*words, "--progress", "none"]) == 0
    people = read_crops(tmp_path / "market").people.tolist()
    assert set(people) == {int(name[1:]) for name in who(tmp_path / "out").values()}
    assert len(people) == (3 * PEOPLE if cos == "1" else PEOPLE)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no run was given"),
        (["DIR", "--from-crops", "one", "--out", "x"], "given beside --from-crops"),
        (["--from-crops", "one"], "needs an --out"),
        (["DIR", "--features", "person-osnet"], "for --from-crops only"),
        (["DIR", "--out", "x", "--device", "cpu"], "--out, --device: for --from-crops only"),
        (["--from-crops", "nowhere", "--out", "x"], "is no folder"),
        (["DIR", "--market", "DIR"], "is not empty"),
        (["DIR", "--no-blur"], "no reason is given"),
        (["DIR", "--no-blur", "--reason", " "], "no reason is given"),
        (["DIR", "--reason", "asked for"], "--reason needs --no-blur"),
        (["DIR", "--what", "films"], "--what needs --to"),
        (["DIR", "--clip", "gate.mp4"], "--clip needs --to"),
        (["DIR", "--to", "x", "--what", "crops", "--clip", "gate.mp4"], "--clip needs --to, for the gallery or films"),
        (["DIR", "--to", "x", "--what", "films", "--facts", "nowhere"], "--facts is for the gallery"),
        (["DIR", "--to", "x", "--facts", "nowhere"], "cannot be read"),
        (["DIR", "--to", "x", "--market", "x"], "--to needs a finished run"),
        (["DIR", "--to", "x", "--names", "nowhere"], "cannot be read as names"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_2(
    words: list[str], said: str, brought: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"DIR": brought / "out", "one": brought / "in" / "one", "nowhere": tmp_path / "no", "x": tmp_path / "x"}
    assert main(["gallery", *(str(places.get(word, word)) for word in words), "--progress", "none"]) == 2
    fault = capsys.readouterr().err
    assert said in fault and fault.count("\n") == 1 and not (tmp_path / "x").exists()


def test_another_folder_gets_it_and_the_run_stays_as_it_is(brought: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (brought / "out").rglob("*") if path.is_file()}
    names = tmp_path / "names.csv"
    names.write_text("camera,track,name,note\none,1,Änna,=1\n", encoding="utf-8")
    words = ["gallery", str(brought / "out"), "--to", str(tmp_path / "to"), "--progress", "none", "--cos", "0.5"]
    assert main([*words, "--names", str(names), "--purpose", "a test"]) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    manifest, sightings = verify_zip(tmp_path / "to" / "gallery.zip"), sighting_rows(tmp_path / "to" / "gallery.zip")
    assert manifest.about["choice"]["names"] == [["one", 1, "Änna", "=1"]]
    assert manifest.about["purpose"] == "a test" and "heads_shown_because" not in manifest.about
    assert len(sightings) == 3 * PEOPLE and summed(tmp_path / "to") == ["gallery.zip"]


def test_its_crops_go_into_one_zip(brought: Path, tmp_path: Path) -> None:
    words = ["gallery", str(brought / "out"), "--to", str(tmp_path / "to"), "--what", "crops", "--progress", "none"]
    assert main([*words, "--cos", "0.5", "--no-blur", "--reason", "a model of our own"]) == 0
    assert summed(tmp_path / "to") == ["crops.zip"]
    with zipfile.ZipFile(tmp_path / "to" / "crops.zip") as held:
        held.extractall(tmp_path / "market")
    assert len(read_crops(tmp_path / "market")) == 4 * PEOPLE
    assert "a model of our own" in (tmp_path / "market" / "README.txt").read_text(encoding="utf-8")


def sighting_rows(path: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(path) as archive:
        return list(csv.DictReader(archive.read("sightings.csv").decode().splitlines()))


def summed(folder: Path) -> list[str]:
    """The files that SHA256SUMS names, each with the digest that it has."""
    rows = [line.split("  ") for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256 for sha256, name in rows)
    return [name for _, name in rows]
