"""`run --like` and `gallery --check` as their user has them, with the networks that come with Sightline."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from core.cli import main
from tests.export.making import rewritten, unpacked
from tests.runs.fakes import write_scene


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, exported: Path) -> Path:
    path = tmp_path_factory.mktemp("like")
    write_scene(path / "gate.mp4", 12)
    assert run(path / "gate.mp4", path / "out", "--size", "320", "--cos", "0", "--no-blur", "--reason", "a test") == 0
    return path


def run(clip: Path, out: Path, *words: str) -> int:
    return main(["run", str(clip), "--out", str(out), "--progress", "none", *words])


def like(folder: Path) -> str:
    return str(folder / "out" / "gallery.zip")


def test_done_again_it_says_that_all_is_the_same(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = Path(shutil.copy(folder / "gate.mp4", tmp_path / "a copy.mp4"))
    capsys.readouterr()
    assert run(clip, tmp_path / "again", "--like", like(folder)) == 0
    said = capsys.readouterr()
    assert "files are the same as in" in said.out and "(given)" in said.out and said.err == ""
    assert (tmp_path / "again" / "people.csv").read_bytes() == (folder / "out" / "people.csv").read_bytes()


@pytest.mark.slow
def test_in_its_own_folder_it_is_compared_with_what_was_there(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder / "out", tmp_path / "out")
    zipped = tmp_path / "out" / "gallery.zip"
    manifest = json.loads(unpacked(zipped)["manifest.json"])
    other = hashlib.sha256(b"of another day").hexdigest()
    manifest["entries"] = [{**e, "sha256": other} if e["name"] == "README.txt" else e for e in manifest["entries"]]
    rewritten(zipped, {"README.txt": b"of another day", "manifest.json": json.dumps(manifest).encode()})
    assert run(folder / "gate.mp4", tmp_path / "out", "--like", str(zipped)) == 1
    assert "not the same as in" in (said := capsys.readouterr().err) and ": README.txt\n" in said
    assert run(folder / "gate.mp4", tmp_path / "out", "--like", str(zipped)) == 0


@pytest.mark.slow
def test_what_came_out_otherwise_is_named_and_1(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads(unpacked(Path(like(folder)))["manifest.json"])
    manifest["about"]["run"]["versions"]["numpy"] = "1.0"
    manifest["entries"] = [{**entry, "sha256": "0"} for entry in manifest["entries"]]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    capsys.readouterr()
    assert run(folder / "gate.mp4", tmp_path / "out", "--like", str(tmp_path / "manifest.json")) == 1
    said = capsys.readouterr().err
    assert "not as it was, so the result may be another: numpy: 1.0 then" in said
    assert "not the same as in" in said and "README.txt" in said


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (["--conf", "0.25"], "--conf"),  # its usual value, and yet it was said
        (["--from", "0"], "--from"),
        (["--no-blur"], "--no-blur"),
        (["--offset", "gate=0"], "--offset"),
        (["--name", "a=b"], "--name"),
    ],
)
def test_flags_that_the_zip_speaks_for_are_refused(
    words: list[str], flag: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder / "gate.mp4", tmp_path / "out", "--like", like(folder), *words) == 2
    assert f"{flag} cannot stand beside --like" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_no_clip_beside_it_names_what_is_missing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--like", like(folder), "--out", str(tmp_path / "out")]) == 2
    assert "missing: gate.mp4 (camera gate" in capsys.readouterr().err


def test_a_zip_is_checked(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = Path(shutil.copy(like(folder), tmp_path / "g.zip"))
    assert main(["gallery", "--check", str(copy)]) == 0
    assert "files have the sha256" in capsys.readouterr().out
    rewritten(copy, {"sightings.csv": b"somebody else"})
    assert main(["gallery", "--check", str(copy)]) == 1
    assert "changed: sightings.csv" in capsys.readouterr().err
    assert main(["gallery", "--check", str(tmp_path / "none.zip")]) == 2


@pytest.mark.slow
def test_recordings_of_a_camera_are_found_by_their_content(
    tmp_path: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, hour in enumerate((14, 15)):
        write_scene(tmp_path / f"gate_20261120_{hour}0000.mp4", 12 + number)
    files = sorted(tmp_path.glob("gate_*.mp4"))
    names = [word for file in files for word in ("--name", f"gate={file}")]
    flags = ["--size", "320", "--progress", "none"]
    assert main(["run", *map(str, files), *names, "--out", str(tmp_path / "out"), *flags]) == 0
    (tmp_path / "copies").mkdir()
    copies = [str(shutil.copy(file, tmp_path / "copies" / f"{number}.mp4")) for number, file in enumerate(files[::-1])]
    zipped = str(tmp_path / "out" / "gallery.zip")
    capsys.readouterr()
    again = ["run", *copies, "--out", str(tmp_path / "again"), "--progress", "none", "--like", zipped]
    assert main(again) == 0
    assert "files are the same as in" in capsys.readouterr().out
    assert main([*again[:2], *again[3:]]) == 2
    assert "missing: gate_20261120_140000.mp4 (camera gate" in capsys.readouterr().err
