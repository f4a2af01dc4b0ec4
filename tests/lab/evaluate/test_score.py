"""The measures by hand: small clips whose figures can be told by looking, edges included, and what must not matter."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import SettingsError, TruthError
from core.cli import main
from core.lab.evaluate import combine_scores, score, score_files, score_table, split_stays
from core.vision.mot import MotRows, read_mot, write_truth
from tests.lab.evaluate.making import rows_of, standing

EVERYTHING = {"HOTA": 1, "DetA": 1, "AssA": 1, "LocA": 1, "MOTA": 1, "MOTP": 1, "IDF1": 1, "IDP": 1, "IDR": 1}


TEN = rows_of(*standing(1, range(10)))
# Two boxes of 100 x 100 that are d pixels apart overlap by (100 - d) / (100 + d): 1/2 at 33.33, 1/3 at 50.
HALF = 100 / 3

SCENES = [
    ("perfect", TEN, TEN, {**EVERYTHING, "FP": 0, "FN": 0, "IDSW": 0, "Frag": 0, "MT": 1, "PT": 0, "ML": 0}),
    (
        "perfect under another number",
        TEN,
        rows_of(*standing(77, range(10))),
        {**EVERYTHING, "IDSW": 0, "MT": 1},
    ),
    ("nobody found", TEN, rows_of(), {"HOTA": 0, "MOTA": 0, "IDF1": 0, "FP": 0, "FN": 10, "ML": 1, "LocA": 1}),
    ("nobody there", rows_of(), TEN, {"HOTA": 0, "MOTA": 0, "IDF1": 0, "FP": 10, "FN": 0, "IDFP": 10, "ML": 0}),
    ("nobody there, nobody found", rows_of(), rows_of(), {"HOTA": 0, "MOTA": 0, "IDF1": 0, "FP": 0, "FN": 0}),
    (
        "elsewhere",
        TEN,
        rows_of(*standing(1, range(10), left=200)),
        {"HOTA": 0, "MOTA": -1, "IDF1": 0, "FP": 10, "FN": 10, "ML": 1, "MOTP": 0},
    ),
    ("at another time", TEN, rows_of(*standing(1, range(10, 20))), {"HOTA": 0, "MOTA": -1, "FP": 10, "FN": 10}),
    (
        "overlap of exactly a half is enough",
        rows_of(*standing(1, range(10))),
        # (100 x 50 wide) against 100 x 100, below: built from boxes that share an exact half.
        MotRows(np.arange(10), np.ones(10), np.tile([0, 0, 100, 50], (10, 1)), np.ones(10), -np.ones(10), np.ones(10)),
        {"MOTA": 1, "MOTP": 0.5, "IDF1": 1, "LocA": (10 * 0.5 + 9) / 19, "DetA": 10 / 19},
    ),
    (
        "a hair less is not",
        TEN,
        rows_of(*standing(1, range(10), left=HALF + 0.01)),
        {"MOTA": -1, "IDF1": 0, "FN": 10, "DetA": 9 / 19},
    ),
    (
        "the number changes in the middle",
        TEN,
        rows_of(*standing(1, range(5)), *standing(2, range(5, 10))),
        {"MOTA": 0.9, "IDSW": 1, "Frag": 0, "IDTP": 5, "IDFP": 5, "IDFN": 5, "IDF1": 0.5, "AssA": 0.5, "MT": 1},
    ),
    (
        "lost in the middle, found again under the same number",
        TEN,
        rows_of(*standing(1, range(3)), *standing(1, range(7, 10)), *standing(9, range(3, 7), left=500)),
        {"IDSW": 0, "Frag": 1, "FN": 4, "FP": 4, "MT": 0, "PT": 1, "IDTP": 6},
    ),
    (
        "a frame without any box of the result does not break a track off",
        TEN,
        rows_of(*standing(1, range(3)), *standing(1, range(7, 10))),
        {"IDSW": 0, "Frag": 0, "FN": 4},
    ),
    (
        "found again under another number after a gap",
        TEN,
        rows_of(*standing(1, range(3)), *standing(2, range(7, 10))),
        {"IDSW": 1, "FN": 4},
    ),
    ("eight frames of ten are not mostly", TEN, rows_of(*standing(1, range(8))), {"MT": 0, "PT": 1, "ML": 0}),
    ("nine are", TEN, rows_of(*standing(1, range(9))), {"MT": 1, "PT": 0, "ML": 0}),
    ("two are partly", TEN, rows_of(*standing(1, range(2))), {"MT": 0, "PT": 1, "ML": 0}),
    ("one is lost", TEN, rows_of(*standing(1, range(1))), {"MT": 0, "PT": 0, "ML": 1}),
    (
        "a matched pair stays although another box overlaps more",
        rows_of(*standing(1, range(2))),
        rows_of((0, 1, 0, 0), (1, 1, 30, 0), (1, 2, 0, 0)),
        {"IDSW": 0, "FP": 1, "FN": 0},
    ),
    (
        "truth marked 0 does not count, and finding it is wrong",
        rows_of(*standing(1, range(10)), *[(f, 2, 500, 0, 0) for f in range(10)]),
        rows_of(*standing(1, range(10)), *standing(2, range(10), left=500)),
        {"FN": 0, "FP": 10, "MT": 1, "ML": 0},
    ),
    (
        "who lies on a distractor is taken out",
        rows_of(*[(f, 1, 0, 0, 1, 1) for f in range(10)], *[(f, 2, 500, 0, 0, 8) for f in range(10)]),
        rows_of(*standing(1, range(10)), *standing(2, range(10), left=500)),
        {**EVERYTHING, "FP": 0, "FN": 0},
    ),
    (
        "a car is no distractor, and nobody to be found",
        rows_of(*[(f, 1, 0, 0, 1, 1) for f in range(10)], *[(f, 2, 500, 0, 0, 3) for f in range(10)]),
        rows_of(*standing(1, range(10)), *standing(2, range(10), left=500)),
        {"FP": 10, "FN": 0},
    ),
]


@pytest.mark.parametrize(("why", "truth", "result", "expected"), SCENES, ids=[scene[0] for scene in SCENES])
def test_scenes(why: str, truth: MotRows, result: MotRows, expected: dict[str, float]) -> None:
    figures = score(truth, result).as_dict()
    assert {name: figures[name] for name in expected} == pytest.approx(expected, abs=1e-12), why


place = st.tuples(st.integers(0, 6), st.integers(1, 4), st.integers(0, 30).map(lambda step: step * 10.0))
places = st.lists(place, max_size=25, unique_by=lambda one: one[:2])


def clip_of(boxes: list[tuple[int, int, float]]) -> MotRows:
    return rows_of(*[(frame, who, left, 0) for frame, who, left in boxes])


@given(truth=places, result=places)
def test_figures_hang_together(truth: list, result: list) -> None:
    figures = score(clip_of(truth), clip_of(result)).as_dict()
    shares = {name: value for name, value in figures.items() if isinstance(value, float)}
    assert all(-1e-12 <= value <= 1 + 1e-12 for name, value in shares.items() if name != "MOTA")
    assert figures["TP"] + figures["FN"] == figures["IDTP"] + figures["IDFN"] == len(truth)
    assert figures["TP"] + figures["FP"] == figures["IDTP"] + figures["IDFP"] == len(result)
    assert figures["MT"] + figures["PT"] + figures["ML"] == len({who for _, who, _ in truth})
    assert figures["IDTP"] <= figures["TP"]


@given(truth=places, result=places, numbers=st.permutations(range(1, 5)))
def test_numbers_themselves_mean_nothing(truth: list, result: list, numbers: list[int]) -> None:
    renamed = [(frame, 10 * numbers[who - 1], left) for frame, who, left in result]
    plain, other = (score(clip_of(truth), clip_of(rows)).identity for rows in (result, renamed))
    assert (plain.tp, plain.fp, plain.fn) == (other.tp, other.fp, other.fn)


@given(truth=places)
def test_the_truth_is_perfect(truth: list) -> None:
    clip = clip_of(truth)
    clear, identity = score(clip, clip).clear_mot, score(clip, clip).identity
    assert (clear.fp, clear.fn, identity.fp, identity.fn) == (0, 0, 0, 0)


@given(truth=places, result=places)
def test_one_clip_together_is_itself(truth: list, result: list) -> None:
    one = score(clip_of(truth), clip_of(result))
    empty = score(rows_of(), rows_of())
    assert combine_scores([one]).as_dict() == combine_scores([one, empty]).as_dict() == one.as_dict()


def test_together_weighs_by_boxes() -> None:
    good, bad = score(TEN, TEN), score(rows_of(*standing(1, range(30))), rows_of())
    figures = combine_scores([good, bad]).as_dict()
    assert (figures["MOTA"], figures["IDR"], figures["DetA"], figures["AssA"]) == (0.25, 0.25, 0.25, 1)
    assert figures["HOTA"] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="at least one"):
        combine_scores([])


def test_scale_fits_the_truth_to_the_clip() -> None:
    small = MotRows(TEN.frame, TEN.id, TEN.xyxy * 0.625, TEN.conf, TEN.cls, TEN.visibility)
    assert score(TEN, small, scale=0.625).as_dict()["MOTP"] == 1
    assert score(TEN, small).as_dict()["FN"] == 10
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(SettingsError, match="scale"):
            score(TEN, small, scale=wrong)


def test_nobody_is_in_two_places_at_once() -> None:
    twice = rows_of((0, 1, 0, 0), (4, 3, 0, 0), (4, 2, 9, 9), (4, 3, 50, 0))
    for truth, result, side in ((twice, TEN, "truth"), (TEN, twice, "result")):
        with pytest.raises(TruthError, match=rf"The {side} has id 3 twice in frame 5"):
            score(truth, result)


def test_the_order_of_rows_does_not_matter_between_frames() -> None:
    shuffled = np.random.default_rng(1).permutation(len(TEN))
    assert score(TEN[shuffled], TEN).as_dict() == score(TEN, TEN[shuffled]).as_dict() == score(TEN, TEN).as_dict()


LINE = "1,1,0,0,100,100,1\n"


def test_files_and_folders(tmp_path: Path) -> None:
    truth, result = tmp_path / "truth", tmp_path / "result"
    truth.mkdir()
    result.mkdir()
    (truth / "hall.txt").write_text(LINE)
    (result / "hall.txt").write_text(LINE)
    (result / "no_truth.txt").write_text(LINE)
    assert list(score_files(truth, result)) == ["hall"]
    assert list(score_files(truth / "hall.txt", result / "no_truth.txt")) == ["no_truth"]
    (truth / "room.txt").write_text(LINE)
    with pytest.raises(TruthError, match=r"has no room\.txt"):
        score_files(truth, result)
    (result / "room.txt").write_text("")
    scores = score_files(truth, result)
    assert list(scores) == ["hall", "room", "together"]
    assert [one.as_dict()["MOTA"] for one in scores.values()] == [1, 0, 0.5]


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "file.txt"
    folder.mkdir()
    file.write_text(LINE)
    for truth, result, said in (
        (folder, file, "Truth and result are a file and a folder"),
        (folder, folder, r"has no \.txt files"),
        (file, tmp_path / "missing.txt", "does not exist"),
        (tmp_path / "missing.txt", file, "does not exist"),
    ):
        with pytest.raises(TruthError, match=said):
            score_files(truth, result)


def test_the_table_lines_up() -> None:
    text = score_table({"hall": score(TEN, TEN), "a longer name": score(TEN, rows_of())})
    lines = text.splitlines()
    assert len(lines) == 3
    assert len({len(line) for line in lines}) == 1
    assert lines[0].split()[:4] == ["HOTA", "DetA", "AssA", "MOTA"]
    assert lines[1].split()[:5] == ["hall", "100.0", "100.0", "100.0", "100.0"]
    assert lines[2].startswith("a longer name")


@pytest.mark.shared
def test_the_smaller_clip_of_pets(shared: Path) -> None:
    truth = read_mot(shared / "data" / "pets_s2l1" / "gt.txt")
    smaller = MotRows(truth.frame, truth.id, truth.xyxy * 0.625, truth.conf, truth.cls, truth.visibility)
    figures = score(truth, smaller, scale=0.625).as_dict()
    assert (figures["FP"], figures["FN"], figures["IDSW"], figures["MT"]) == (0, 0, 0, 19)
    assert figures["HOTA"] == pytest.approx(1)


def test_a_stay_is_a_number_of_its_own(tmp_path: Path) -> None:
    """Two people; one is away for frames 4 to 8 and comes back: new only where five frames are too many."""
    rows = [f"{f},1,{f},0,10,20,1,1,1" for f in (1, 2, 3, 9, 10)] + [f"{f},2,50,0,10,20,1,1,1" for f in (9, 3, 10)]
    (tmp_path / "truth.txt").write_text("\n".join(rows))
    truth = read_mot(tmp_path / "truth.txt")
    assert split_stays(truth, 4).id.tolist() == [1, 1, 1, 2, 2, 4, 3, 4]
    assert split_stays(truth, 5).id.tolist() == [1, 1, 1, 1, 1, 2, 2, 2]
    write_truth(tmp_path / "result.txt", [split_stays(truth, 4)])
    pair = tmp_path / "truth.txt", tmp_path / "result.txt"
    assert score_files(*pair, max_absence=4)["result"].as_dict()["IDF1"] == 1.0
    assert score_files(*pair)["result"].as_dict()["IDF1"] < 1.0


def test_who_is_hidden_is_not_asked_for_and_not_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two people, one hidden from frame 3 on; the result finds the hidden one once, and a post that is nobody."""
    truth = [f"{f},1,0,0,10,20,1,1,1.0\n{f},2,50,0,10,20,1,1,{1 if f < 3 else 0.05}\n" for f in range(1, 7)]
    found = [f"{f},8,0,0,10,20,1,-1,-1,-1\n" for f in range(1, 7)]
    found += [f"{f},9,50,0,10,20,1,-1,-1,-1\n" for f in (1, 2, 4)] + ["5,9,90,0,10,20,1,-1,-1,-1\n"]
    pair = tmp_path / "truth.txt", tmp_path / "result.txt"
    pair[0].write_text("".join(truth))
    pair[1].write_text("".join(found))
    everyone, seen = (score_files(*pair, visible=share)["result"].as_dict() for share in (0.0, 0.1))
    assert (everyone["FN"], everyone["FP"]) == (3, 1)
    assert (seen["FN"], seen["FP"], seen["TP"]) == (0, 1, 8)
    words = ["evaluate", "tracks", "--truth", str(pair[0]), "--result", str(pair[1])]
    assert main([*words, "--visible", "1.5"]) == 2
    assert "--visible" in capsys.readouterr().err
    assert main([*words, "--visible", "0.1"]) == 0


def test_negative_frames_away_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("1,1,0,0,10,20,1\n")
    words = ["evaluate", "tracks", "--truth", str(tmp_path / "a.txt"), "--result", str(tmp_path / "a.txt")]
    assert main([*words, "--max-absence", "-1"]) == 2
    assert "--max-absence" in capsys.readouterr().err
    assert main([*words, "--max-absence", "3"]) == 0
