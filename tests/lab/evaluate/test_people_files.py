"""A run's folder against truth, by the command and without it: what is read, and what does not fit and is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import TruthError
from core.cli import main
from core.lab.evaluate import score_run

BOX, OTHER = "1,{},0,0,100,200,1,1,1\n2,{},0,0,100,200,1,1,1\n", "1,{},500,0,100,200,1,1,1\n"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two cameras: person 3 in both, found as tracks 1 and 5, and a track on nobody."""
    truth, run = tmp_path / "truth", tmp_path / "run"
    (run / "tracks").mkdir(parents=True)
    truth.mkdir()
    (truth / "hall.txt").write_text(BOX.format(3, 3))
    (truth / "yard.txt").write_text(BOX.format(3, 3))
    (run / "tracks" / "hall.txt").write_text(BOX.format(1, 1))
    (run / "tracks" / "yard.txt").write_text(BOX.format(5, 5) + OTHER.format(6))
    (run / "tracks" / "no_truth.txt").write_text(BOX.format(1, 1))
    (run / "people.csv").write_text(
        "camera,track,person,start_s,end_s,similarity,status\n"
        "hall,1,P001,0.0,0.1,0.91,sure\nyard,5,P001,0.0,0.1,0.91,sure\nyard,6,P002,0.0,0.0,,alone\n"
        "no_truth,1,P001,0.0,0.1,0.8,sure\n"
    )
    return truth, run


def alike(run: Path, similarity: object, camera: object, track: object) -> None:
    np.savez(run / "similarity.npz", similarity=similarity, camera=camera, track=track)  # type: ignore[arg-type]


def test_a_run(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    truth, run = folders
    words = ["evaluate", "people", "--truth", str(truth), "--result", str(run)]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["HOTA", "DetA"] and lines[1].startswith("all cameras")
    assert lines[4].split() == ["across", "cameras", "100.0", "100.0", "1", "1", "1"]
    assert lines[-3].endswith("2 in the result, 1 in the truth")
    assert lines[-2].endswith("3, of which 1 on nobody")
    assert "no similarity.npz" in lines[-1]
    alike(run, [[1, 0.9, 0.1, 0], [0.9, 1, 0, 0], [0.1, 0, 1, 0], [0, 0, 0, 1]], ["hall", "yard", "yard", "no_truth"],
          np.array([1, 5, 6, 1]))  # fmt: skip
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:4] == ["queries", "2", "rank1", "100.0"]
    assert main([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["boxes"]["IDF1"] == pytest.approx(8 / 9)
    assert said["links"]["across"] == {"shown": 1, "right": 1, "true": 1, "precision": 1, "recall": 1}
    assert said["people"] == {"result": 2, "truth": 1} and said["tracklets"] == {"judged": 3, "nobody": 1}
    assert said["queries"] == {"queries": 2, "rank1": 1, "rank5": 1, "rank10": 1, "map": 1}


def test_things_are_no_part_of_the_result(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    truth, run = folders
    words = ["evaluate", "people", "--truth", str(truth), "--result", str(run), "--json"]
    cameras, tracks = ["hall", "yard", "yard", "no_truth"], [1, 5, 6, 1]
    values = np.array([[1, 0.9, 0.1, 0], [0.9, 1, 0, 0], [0.1, 0, 1, 0], [0, 0, 0, 1]])
    alike(run, values, cameras, np.array(tracks))
    assert main(words) == 0
    before = capsys.readouterr().out
    # A run lists them in people.csv and similarity.npz, and leaves them out of tracks/.
    with (run / "people.csv").open("a", encoding="utf-8") as table:
        table.write("hall,2,P003,0.0,0.1,,thing\n")
    alike(run, np.pad(values, (0, 1)), [*cameras, "hall"], np.array([*tracks, 2]))
    assert main(words) == 0
    assert capsys.readouterr().out == before


def test_columns_may_come_in_any_order_and_camera_names_may_have_commas(folders: tuple[Path, Path]) -> None:
    truth, run = folders
    for folder in (truth, run / "tracks"):
        (folder / "yard.txt").rename(folder / "yard, back.txt")
    plain = 'person,more,track,camera\nP1,x,1,hall\nP1,,5,"yard, back"\n\nP2,,6,"yard, back"\n'
    (run / "people.csv").write_text("\ufeff" + plain, encoding="utf-8")
    assert score_run(truth, run).across.correct == 1


def test_only_frames_that_the_run_looked_at_count(folders: tuple[Path, Path]) -> None:
    truth, run = folders
    (run / "tracks" / "hall.txt").write_text(BOX.format(1, 1).splitlines()[0] + "\n")
    seen = {"hall": np.array([0]), "yard": np.array([0, 1])}
    assert score_run(truth, run).boxes.as_dict()["FN"] == 1
    assert score_run(truth, run, seen).boxes.as_dict()["FN"] == 0
    with pytest.raises(TruthError, match="has no camera yard"):
        score_run(truth, run, {"hall": np.array([0])})


def test_a_run_that_is_not_done_is_refused(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    truth, run = folders
    words = ["evaluate", "people", "--truth", str(truth), "--result", str(run)]
    assert main([*words, "--visible", "7"]) == 2
    assert "--visible" in capsys.readouterr().err
    (run / "run.json").write_text('{"state": "running"}')
    assert main(words) == 2
    assert "is not done" in capsys.readouterr().err


HEAD = "camera,track,person\n"
GOOD = "hall,1,P1\nyard,5,P1\nyard,6,P2\n"
MISFITS = [
    # (what is wrong, file in the run, its text or None to take it away, what is said)
    ("no people", "people.csv", None, r"has no people\.csv"),
    ("a column is missing", "people.csv", "camera,track\nhall,1\n", "has no column person"),
    ("nothing in it", "people.csv", "", "has no column camera, track, person"),
    ("no text", "people.csv", b"\xff\xfe\x00", "cannot be read as a table"),
    ("a track without a line", "people.csv", HEAD + "hall,1,P1\nyard,5,P1\n", "no person for track 6 of camera yard"),
    ("a line without a track", "people.csv", HEAD + GOOD + "hall,44,P4\n", "names track 44 of camera hall"),
    (
        "two lines for one track",
        "people.csv",
        HEAD + GOOD + "hall,1,P4\n",
        "line 5: track 1 of camera hall is there twice",
    ),
    ("a track that is no number", "people.csv", HEAD + "hall,one,P1\n", "line 2: expected"),
    ("a person without a name", "people.csv", HEAD + "hall,1, \n", "line 2: expected"),
    ("a line that ends early", "people.csv", HEAD + "hall,1\n", "line 2: expected"),
    ("one person twice in a picture", "people.csv", HEAD + "hall,1,P1\nyard,5,P9\nyard,6,P9\n",
     "Person P9 has two boxes in one frame: tracks 5 and 6 of camera yard, both in frame 1"),
    ("a camera without tracks", "tracks/hall.txt", None, r"has no hall\.txt"),
    ("one track twice in a picture", "tracks/yard.txt", BOX.format(5, 5) + OTHER.format(5) + OTHER.format(6),
     "The result of camera yard has id 5 twice in frame 1"),
    ("no similarities", "similarity.npz", "text", "cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "said"), [row[1:] for row in MISFITS], ids=[row[0] for row in MISFITS])
def test_what_does_not_fit_is_refused(
    name: str, content: str | bytes | None, said: str, folders: tuple[Path, Path]
) -> None:
    truth, run = folders
    (run / name).unlink(missing_ok=True)
    if content is not None:
        (run / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TruthError, match=said) as refused:
        score_run(truth, run)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("similarity", "camera", "track", "said"),
    [
        (np.ones((2, 2)), ["hall", "yard"], [1, 7], "has track 7 of camera yard"),
        (np.ones((2, 2)), ["hall", "hall"], [1, 1], "has track 1 of camera hall twice"),
        (np.ones((2, 3)), ["hall", "yard"], [1, 5], "expected similarity"),
        (np.full((2, 2), np.nan), ["hall", "yard"], [1, 5], "finite"),
        (np.array([["a", "b"], ["c", "d"]]), ["hall", "yard"], [1, 5], "expected numbers"),
        (np.array([[None, 1], [2, {}]], object), ["hall", "yard"], [1, 5], "allow_pickle"),
    ],
)
def test_similarities_that_do_not_fit_are_refused(
    similarity: np.ndarray, camera: list[str], track: list[int], said: str, folders: tuple[Path, Path]
) -> None:
    truth, run = folders
    alike(run, similarity, camera, track)
    with pytest.raises(TruthError, match=said):
        score_run(truth, run)
    np.savez(run / "similarity.npz", camera=camera)
    with pytest.raises(TruthError, match="similarity"):
        score_run(truth, run)


def test_folders_that_do_not_fit(folders: tuple[Path, Path]) -> None:
    truth, run = folders
    for theirs_, ours, said in (
        (truth / "hall.txt", run, "Truth and result are a file and a folder"),
        (truth / "missing", run, "does not exist"),
        (run, run, r"has no \.txt files"),
        (truth, run / "tracks", "has no folder tracks/"),
    ):
        with pytest.raises(TruthError, match=said):
            score_run(theirs_, ours)
    (truth / "yard.txt").write_text(BOX.format(3, 3) + OTHER.format(3))
    with pytest.raises(TruthError, match="The truth of camera yard has id 3 twice in frame 1"):
        score_run(truth, run)
