"""The sample of the program, and what `sample` leaves on disk: films that play, truth that scores, the same bytes each
time; nothing half-done."""

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import Cancelled, SettingsError
from core.base.types import Timeline
from core.cli import main
from core.lab.evaluate import score_files
from core.lab.synthetic import (
    SampleSettings,
    clear_folder,
    encode_camera,
    render_frames,
    sample_clips,
    sample_folder,
    write_sample,
)
from core.lab.synthetic.settings import VERSION
from core.vision.mot import read_mot, write_truth
from core.vision.video import probe, read

SETTINGS = SampleSettings(seconds=12.0, seed=4, cameras=2, people=7)


def test_the_sample_of_the_program_is_that_of_the_default_settings() -> None:
    folder = sample_folder()
    films = ["cam1.mp4", "cam2.mp4", "cam3.mp4"]
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", *films, "truth", "truth.json"]
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 6_000_000
    about = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert (about["settings"], about["renderer"]) == (asdict(SampleSettings()), VERSION)
    for name, camera in about["cameras"].items():
        clip = probe(folder / f"{name}.mp4")
        assert clip.digest == camera["digest"], "drawn from other settings, or by other code, than truth.json says"
        assert (clip.width, clip.height, clip.codec) == (960, 540, "h264")
        assert clip.frames == camera["frames"] and clip.fps == pytest.approx(camera["fps"])
        assert clip.warnings == ()
    assert len({camera["offset_seconds"] for camera in about["cameras"].values()}) == 3
    seen = {person["id"]: person["cameras"] for person in about["people"]}
    assert [len(seen[who]) for who in about["one_camera_only"]] == [1, 1]
    assert all(len(cameras) >= 2 for who, cameras in seen.items() if who not in about["one_camera_only"])


@pytest.mark.slow
@pytest.mark.parametrize("camera", range(3))
def test_its_films_and_truth_are_what_the_code_draws(camera: int) -> None:
    """Drawn again, the plan, the truth and the pictures are the same; a pixel aside where another processor rounds."""
    name, folder = f"cam{camera + 1}", sample_folder()
    rows, clip = read_mot(folder / "truth" / f"{name}.txt"), probe(folder / f"{name}.mp4")
    frames = np.arange(0, clip.frames, 25)
    shots = render_frames(SampleSettings(), camera, 25)
    with read(clip, Timeline(frames, clip.times[frames])) as pictures:
        for shot, picture in zip(shots, pictures, strict=True):
            expected = rows[rows.frame == shot.frame]
            assert expected.id.tolist() == shot.rows.id.tolist()
            assert np.abs(expected.xyxy - shot.rows.xyxy).max(initial=0) <= 1
            assert np.abs(expected.visibility - shot.rows.visibility).max(initial=0) < 0.02
            assert set(expected.cls.tolist()) <= {1} and set(expected.conf.tolist()) <= {1.0}
            assert np.abs(picture.bgr.astype(int) - shot.bgr).mean() < 8


def test_its_truth_scores_full_marks_against_itself(capsys: pytest.CaptureFixture[str]) -> None:
    truth = sample_folder() / "truth"
    scores = score_files(truth, truth)
    names = ["cam1", "cam2", "cam3", "together"]
    assert {name: s.as_dict()["MOTA"] for name, s in scores.items()} == dict.fromkeys(names, 1.0)
    assert main(["evaluate", "tracks", "--truth", str(truth), "--result", str(truth)]) == 0
    assert "cam2" in capsys.readouterr().out


def test_the_command_says_where_it_is_and_draws_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample"]) == 0
    assert capsys.readouterr().out == f"3 films of 30 s and their ground truth are in {sample_folder()}\n"
    assert main(["sample", "--seed", "3", "--seconds", "60"]) == 2
    assert "Give --out DIR" in capsys.readouterr().err


def test_a_program_without_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("core.cli.sample.sample_folder", lambda: tmp_path)
    assert main(["sample"]) == 2
    assert "the sample is not in" in capsys.readouterr().err


def test_nothing_is_drawn_over_it(capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (sample_folder(), sample_folder() / "truth" / ".."):
        assert main(["sample", "--out", str(folder), "--seed", "3"]) == 2
        assert "comes with the program" in capsys.readouterr().err
    assert len(sample_clips(sample_folder())) == 3


@pytest.mark.slow
def test_another_plaza_is_drawn_with_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three pictures of each film tell."""
    monkeypatch.setattr("core.lab.synthetic.film.render_frames", partial(render_frames, every=100))
    monkeypatch.setattr("core.cli.sample.write_sample", partial(write_sample, processes=False))
    options = ["--seed", "4", "--cameras", "2", "--people", "7", "--seconds", "12"]
    assert main(["sample", "--out", str(tmp_path / "plaza"), *options, "--progress", "json"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    reports = [(report["done"], report["total"]) for report in map(json.loads, lines)]
    assert reports == sorted(reports) and 0 < reports[-1][0] < reports[-1][1] == 600
    assert last == f"2 films of 12 s and their ground truth are in {tmp_path / 'plaza'}"
    assert [clip.name for clip in sample_clips(tmp_path / "plaza")] == ["cam1.mp4", "cam2.mp4"]


@pytest.mark.slow
def test_other_settings_are_kept_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three pictures of each film tell."""
    monkeypatch.setattr("core.lab.synthetic.film.render_frames", partial(render_frames, every=100))
    heard: list[tuple[int, int]] = []
    write_sample(SETTINGS, tmp_path, lambda done, total: heard.append((done, total)), processes=False)
    assert heard == [(done, 600) for done in (1, 101, 201, 301, 401, 501)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cam1.mp4", "cam2.mp4", "truth", "truth.json"]
    about = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    assert about["settings"] == {"cameras": 2, "people": 7, "seconds": 12.0, "seed": 4}
    assert list(about["cameras"]) == ["cam1", "cam2"] and len(about["people"]) == 7
    for name in about["cameras"]:
        rows = read_mot(tmp_path / "truth" / f"{name}.txt")
        assert set(rows.frame.tolist()) == {0, 100, 200} and set(rows.id.tolist()) <= set(range(1, 8))


@pytest.mark.slow
def test_the_same_pictures_are_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = list(render_frames(SETTINGS, 1, every=20))
    monkeypatch.setattr("core.lab.synthetic.film.render_frames", lambda settings, camera: iter(few))
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        encode_camera(SETTINGS, 1, tmp_path / folder, lambda done: None)
    for name in ("cam2.mp4", "truth/cam2.txt"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("processes", [True, False])
def test_a_stop_leaves_nothing_half_done(tmp_path: Path, processes: bool) -> None:
    def stop(done: int, total: int) -> None:
        if done >= 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_sample(SETTINGS, tmp_path, stop, processes)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["truth", "truth.json"]
    assert sample_clips(tmp_path) == []


def test_films_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cam1.mp4").write_bytes(b"a real recording")
    with pytest.raises(SettingsError, match="exists already"):
        write_sample(SETTINGS, tmp_path)
    assert (tmp_path / "cam1.mp4").read_bytes() == b"a real recording"


def test_an_earlier_sample_makes_room(tmp_path: Path) -> None:
    for name in ("cam1.mp4", "cam7.mp4", "truth/cam7.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"old")
    (tmp_path / "truth.json").write_text('{"cameras": {"cam1": {}}}')
    assert sample_clips(tmp_path) == [tmp_path / "cam1.mp4"]
    clear_folder(tmp_path)
    assert [path.name for path in tmp_path.rglob("cam*")] == [] and sample_clips(tmp_path) == []


@pytest.mark.slow
def test_nobody_in_the_picture_is_no_row(tmp_path: Path) -> None:
    rows = next(iter(render_frames(SETTINGS, 0, every=1000))).rows
    write_truth(tmp_path / "cam1.txt", [rows[:0], rows[:1], rows[:0]])
    assert len(read_mot(tmp_path / "cam1.txt")) == len(rows[:1])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--cameras", "1"], "cameras is 1"),
        (["--people", "3"], "people is 3"),
        (["--seconds", "2"], "seconds is 2"),
        (["--seed", "-1"], "seed is -1"),
    ],
)
def test_wrong_numbers_are_told(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sample", "--out", str(tmp_path / "out"), *words]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["sample", "--out", str(tmp_path / "file"), "--progress", "none"]) == 2
    assert "cannot be written" in capsys.readouterr().err
