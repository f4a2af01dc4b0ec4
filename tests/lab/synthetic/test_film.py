"""What `sample` leaves on disk: films that play, truth that scores, the same bytes each time; nothing half-done."""

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
    scene_of,
    write_sample,
)
from core.vision.mot import read_mot, write_truth
from core.vision.video import probe, read
from tests.lab.synthetic.footage import SHORT

SETTINGS = SampleSettings(seconds=12.0, seed=4, cameras=2, people=7)


@pytest.mark.timeout(300)
def test_the_films_are_as_told(sample: Path) -> None:
    films = ["cam1.mp4", "cam2.mp4", "cam3.mp4"]
    assert sorted(path.name for path in sample.iterdir()) == [*films, "truth", "truth.json"]
    about = json.loads((sample / "truth.json").read_text(encoding="utf-8"))
    assert about["settings"] == asdict(SHORT)
    for name, camera in about["cameras"].items():
        clip = probe(sample / f"{name}.mp4")
        assert (clip.width, clip.height, clip.codec) == (960, 540, "h264")
        assert clip.frames == camera["frames"] and clip.fps == pytest.approx(camera["fps"])
        assert clip.warnings == ()
    assert len({camera["offset_seconds"] for camera in about["cameras"].values()}) == 3
    seen = {person["id"]: person["cameras"] for person in about["people"]}
    assert [len(seen[who]) for who in about["one_camera_only"]] == [1, 1]
    assert all(len(cameras) >= 2 for who, cameras in seen.items() if who not in about["one_camera_only"])


@pytest.mark.timeout(300)
def test_all_of_the_drawing_was_heard_of(sample: Path) -> None:
    lines = sample.with_name("heard").read_text(encoding="utf-8").splitlines()
    heard = [(told["done"], told["total"]) for told in map(json.loads, lines[:-1])]
    frames = sum(view.frame_count(SHORT.seconds) for view in scene_of(SHORT).views)
    assert heard[-1] == (frames, frames) and heard == sorted(heard) and len(heard) > 10
    assert lines[-1].startswith("3 films of 12 s")


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


@pytest.mark.timeout(300)
def test_the_truth_is_of_those_pictures(sample: Path) -> None:
    rows = read_mot(sample / "truth" / "cam2.txt")
    shots = list(render_frames(SHORT, 1, every=125))
    for shot in shots:
        there = rows[rows.frame == shot.frame]
        assert there.id.tolist() == shot.rows.id.tolist()
        assert np.array_equal(there.xyxy, shot.rows.xyxy)
        assert np.allclose(there.visibility, shot.rows.visibility, atol=6e-4)
        assert set(there.cls.tolist()) == {1} and set(there.conf.tolist()) == {1.0}
    clip = probe(sample / "cam2.mp4")
    with read(clip, Timeline(np.array([125]), clip.times[[125]])) as pictures:
        film = next(iter(pictures)).bgr
    assert np.abs(film.astype(int) - shots[1].bgr).mean() < 8


@pytest.mark.timeout(300)
def test_truth_scores_full_marks_against_itself(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = sample / "truth"
    scores = score_files(truth, truth)
    names = ["cam1", "cam2", "cam3", "together"]
    assert {name: s.as_dict()["MOTA"] for name, s in scores.items()} == dict.fromkeys(names, 1.0)
    assert main(["evaluate", "tracks", "--truth", str(truth), "--result", str(truth)]) == 0
    assert "cam2" in capsys.readouterr().out


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
