"""People over all cameras: links and queries by hand and in loops, the whole against `trackeval`."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.lab.evaluate import (
    NOBODY,
    CameraRows,
    Links,
    PeopleScores,
    TrackletSimilarity,
    count_links,
    iou,
    overlap,
    rank_across,
    score_people,
    true_person_rows,
)
from core.vision.mot import MotRows
from tests.lab.evaluate.making import HIGH, rows_of, standing
from tests.lab.evaluate.oracle import differences, theirs

Persons = dict[tuple[str, int], str]
Case = tuple[list[CameraRows], Persons]

LINKS = [
    # (what is shown, tracklets as (camera, person, true), across: shown, right, true; all: shown, right, true)
    ("nobody there", [], (0, 0, 0), (0, 0, 0)),
    ("one tracklet has nobody to be linked to", [(0, 1, 1)], (0, 0, 0), (0, 0, 0)),
    ("the same person in two cameras", [(0, 1, 7), (1, 1, 7)], (1, 1, 1), (1, 1, 1)),
    ("a return within one camera", [(0, 1, 7), (0, 1, 7)], (0, 0, 0), (1, 1, 1)),
    ("two people taken for one", [(0, 1, 7), (1, 1, 8)], (1, 0, 0), (1, 0, 0)),
    ("one person taken for two", [(0, 1, 7), (1, 2, 7)], (0, 0, 1), (0, 0, 1)),
    ("a link to nobody is wrong", [(0, 1, 7), (1, 1, NOBODY)], (1, 0, 0), (1, 0, 0)),
    ("so is one between nobody and nobody", [(0, 1, NOBODY), (1, 1, NOBODY)], (1, 0, 0), (1, 0, 0)),
    ("nobody is asked for", [(0, 1, NOBODY), (1, 2, NOBODY)], (0, 0, 0), (0, 0, 0)),
    ("three cameras make three pairs", [(0, 1, 7), (1, 1, 7), (2, 1, 7)], (3, 3, 3), (3, 3, 3)),
    ("one of three left out: two pairs missed", [(0, 1, 7), (1, 1, 7), (2, 2, 7)], (1, 1, 3), (1, 1, 3)),
    ("a return and another camera", [(0, 1, 7), (0, 1, 7), (1, 1, 7)], (2, 2, 2), (3, 3, 3)),
    ("a stranger among three", [(0, 1, 7), (0, 1, 8), (1, 1, 7)], (2, 1, 1), (3, 1, 1)),
]


@pytest.mark.parametrize(("rows", "across", "every"), [row[1:] for row in LINKS], ids=[row[0] for row in LINKS])
def test_links_by_hand(rows: list[tuple[int, ...]], across: tuple[int, ...], every: tuple[int, ...]) -> None:
    found = count_links(*np.array(rows, np.int64).reshape(-1, 3).T)
    assert [(one.predicted, one.correct, one.true) for one in found] == [across, every]


def test_shares_of_links() -> None:
    assert (Links(4, 1, 2).precision, Links(4, 1, 2).recall) == (0.25, 0.5)
    assert (Links(0, 0, 0).precision, Links(0, 0, 0).recall) == (0, 0)
    assert Links(4, 1, 2).figures() == {"shown": 4, "right": 1, "true": 2, "precision": 0.25, "recall": 0.5}


TRUTH = rows_of(*standing(1, range(10)), *standing(2, range(10), left=500))
LIES = [
    # (what is shown, boxes of track 1, the person on whom it lies)
    ("on one person all the time", standing(1, range(10)), 0),
    ("on one person, and else nowhere", [*standing(1, range(2)), *standing(1, range(2, 10), left=900)], 0),
    ("on one person for six of ten", [*standing(1, range(6)), *standing(1, range(6, 10), left=500)], 0),
    ("half and half is nobody", [*standing(1, range(5)), *standing(1, range(5, 10), left=500)], NOBODY),
    ("on the other for more than half", [*standing(1, range(4)), *standing(1, range(4, 10), left=500)], 1),
    ("nowhere", standing(1, range(10), left=900), NOBODY),
    ("at another time", standing(1, range(20, 30)), NOBODY),
    ("an overlap of a third is none", standing(1, range(10), left=50), NOBODY),
    ("an overlap of a half is enough", standing(1, range(10), left=100 / 3), 0),
]


@pytest.mark.parametrize(("boxes", "person"), [row[1:] for row in LIES], ids=[row[0] for row in LIES])
def test_whom_a_track_lies_on(boxes: list[tuple[float, ...]], person: int) -> None:
    assert true_person_rows(overlap(TRUTH, rows_of(*boxes), 1.0)).tolist() == [person]


def test_of_two_tracks_on_one_person_the_nearer_one_is_matched() -> None:
    both = rows_of(*standing(1, range(10), left=10), *standing(2, range(10), left=-20))
    assert true_person_rows(overlap(TRUTH, both, 1.0)).tolist() == [0, NOBODY]
    assert true_person_rows(overlap(rows_of(), both, 1.0)).tolist() == [NOBODY, NOBODY]
    assert true_person_rows(overlap(TRUTH, rows_of(), 1.0)).tolist() == []


def drawn(seed: int, cameras: int = 3, people: int = 4, tracks: int = 4, frames: int = 8) -> Case:
    """People and tracks that come and go; a track follows one person or two, or nobody, and is called by some name."""
    chance = np.random.default_rng(seed)
    recorded, persons = [], {}
    for camera in range(cameras):
        here = np.argwhere(chance.random((frames, people)) < 0.9)
        truth = rows_of(*[(frame, 5 * who + 1, *chance.normal(120 * who, 9, 2)) for frame, who in here])
        boxes, busy = [], np.zeros((people + tracks, frames), bool)
        for track in range(1, tracks + 1):
            first, last = np.sort(chance.integers(0, frames + 1, 2))
            turn, before, after = chance.integers(0, 3 * frames), *chance.integers(-1, people, 2)
            for frame in range(first, last):
                who = before if frame < turn else after
                boxes.append((frame, track, *chance.normal(120 * who, 9, 2)))
            if first < last:
                person = before if before >= 0 and chance.random() < 0.7 else chance.integers(people)
                if busy[person, first:last].any():
                    person = people + track - 1
                busy[person, first:last] = True
                persons[f"cam{camera}", track] = f"P{person:03}"
        recorded.append(CameraRows(f"cam{camera}", truth, rows_of(*boxes)))
    return recorded, persons


def best_pairs(worth: np.ndarray) -> list[tuple[int, int]]:
    """The one-to-one matching of most worth, by trying all of them."""
    best: tuple[float, list[tuple[int, int]]] = (0.0, [])
    for columns in itertools.product(range(-1, worth.shape[1]), repeat=worth.shape[0]):
        used = [column for column in columns if column >= 0]
        pairs = [(row, column) for row, column in enumerate(columns) if column >= 0 and worth[row, column] > 0]
        total = sum(worth[pair] for pair in pairs)
        if len(set(used)) == len(used) and total > best[0]:
            best = (total, pairs)
    return best[1]


def true_in_loops(one: CameraRows) -> dict[int, int]:
    """Track to person, or NOBODY, as it is read aloud."""
    tally: dict[int, dict[int, int]] = {int(track): {} for track in one.result.id}
    for frame in np.unique(one.result.frame):
        ours, found = one.truth[one.truth.frame == frame], one.result[one.result.frame == frame]
        shares = iou(ours.xyxy, found.xyxy)
        for row, column in best_pairs(np.where(shares >= 0.5, shares, 0)):
            counts = tally[int(found.id[column])]
            counts[int(ours.id[row])] = counts.get(int(ours.id[row]), 0) + 1
    return {
        track: next((who for who, count in counts.items() if 2 * count > sum(counts.values())), NOBODY)
        for track, counts in tally.items()
    }


def every_pair(case: Case) -> list[tuple[bool, bool, bool]]:
    """Each pair of tracklets: is it across cameras, is it shown, is it right?"""
    cameras, persons = case
    true = {(one.camera, track): who for one in cameras for track, who in true_in_loops(one).items()}
    return [
        (a[0] != b[0], persons[a] == persons[b], true[a] == true[b] != NOBODY)
        for a, b in itertools.combinations(true, 2)
    ]


@pytest.mark.parametrize("seed", range(25))
def test_links_as_in_loops(seed: int) -> None:
    case = drawn(seed)
    scores, pairs = score_people(*case), every_pair(case)
    for found, chosen in ((scores.every, pairs), (scores.across, [pair for pair in pairs if pair[0]])):
        shown, right = sum(s for _, s, _ in chosen), sum(s and r for _, s, r in chosen)
        assert (found.predicted, found.correct, found.true) == (shown, right, sum(r for *_, r in chosen))
    true = [who for one in case[0] for who in true_in_loops(one).values()]
    assert (scores.tracklets, scores.unmatched) == (len(true), true.count(NOBODY))
    assert scores.people == len(set(case[1].values()))
    assert scores.people_true == len({who for one in case[0] for who in one.truth.id.tolist()})


@pytest.mark.parametrize("seed", range(10))
def test_global_idf1_as_in_loops(seed: int) -> None:
    """Of all ways to give each person of the result one of the truth, the one that shares most boxes."""
    cameras, persons = drawn(seed, people=3, tracks=3)
    shared: dict[tuple[int, str], int] = {}
    for one in cameras:
        for i, j in np.argwhere(iou(one.truth.xyxy, one.result.xyxy) >= 0.5):
            if one.truth.frame[i] == one.result.frame[j]:
                key = int(one.truth.id[i]), persons[one.camera, int(one.result.id[j])]
                shared[key] = shared.get(key, 0) + 1
    people, names = sorted({a for a, _ in shared}), sorted({b for _, b in shared})
    fewer, more = sorted((people, names), key=len)
    most = max(
        sum(shared.get((a, b) if fewer is people else (b, a), 0) for a, b in zip(fewer, chosen, strict=True))  # type: ignore[arg-type]
        for chosen in itertools.permutations(more, len(fewer))
    )
    boxes = sum(len(one.truth) + len(one.result) for one in cameras)
    assert score_people(cameras, persons).boxes.as_dict()["IDF1"] == pytest.approx(2 * most / boxes)


def text_of(rows: MotRows, who: Callable[[int], int], after: int) -> str:
    """Rows as MOT text, of boxes as `rows_of` makes them; `after` so many frames."""
    return "".join(
        f"{frame + 1 + after},{who(int(one))},{left + 999!r},{top + 999!r},{HIGH},{HIGH},1,1,1\n"
        for frame, one, (left, top, *_) in zip(rows.frame.tolist(), rows.id.tolist(), rows.xyxy.tolist(), strict=True)
    )


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(5))
def test_the_joined_recording_against_trackeval(seed: int, tmp_path: Path) -> None:
    """IDF1 and HOTA of one file with all cameras in a row; MOTA and its parts of one file per camera, combined."""
    trackeval = pytest.importorskip("trackeval", reason="needs trackeval, from requirements-dev.txt")
    frames = 40
    cameras, persons = drawn(seed, frames=frames, tracks=6)
    numbers = {name: n for n, name in enumerate(sorted(set(persons.values())), 1)}
    for side, kind in itertools.product(("truth", "result"), ("apart", "joined")):
        (tmp_path / kind / side).mkdir(parents=True)
    for n, one in enumerate(cameras):
        people = {track: numbers[persons[one.camera, track]] for track in one.result.id.tolist()}
        for side, rows, who in (("truth", one.truth, int), ("result", one.result, people.__getitem__)):
            (tmp_path / "apart" / side / f"{one.camera}.txt").write_text(text_of(rows, who, 0))
            with (tmp_path / "joined" / side / "all.txt").open("a") as joined:
                joined.write(text_of(rows, who, n * frames))
    lengths = {"apart": {one.camera: frames for one in cameras}, "joined": {"all": len(cameras) * frames}}
    apart, joined_up = (
        theirs(trackeval, "MOT15", tmp_path / kind / "truth", tmp_path / kind / "result", lengths[kind])["together"]
        for kind in ("apart", "joined")
    )
    of_clear = [name for name in apart if name.startswith("CLR") or name in ("MOTA", "MOTP", "IDSW", "Frag")]
    expected = {**joined_up, **{name: apart[name] for name in [*of_clear, "MT", "PT", "ML"]}}
    wrong = differences("joined", score_people(cameras, persons).boxes, expected)
    assert not wrong, "\n" + "\n".join(wrong)
    assert 0.1 < joined_up["IDF1"] < 0.9


def right(case: Case) -> Case:
    """The truth as the result: every person one track in each camera, called by its right name."""
    cameras = [CameraRows(one.camera, one.truth, one.truth) for one in case[0]]
    return cameras, {(one.camera, int(who)): f"P{who}" for one in cameras for who in np.unique(one.truth.id)}


def figures(scores: PeopleScores) -> tuple[float, ...]:
    return scores.across.precision, scores.across.recall, scores.every.precision, scores.every.recall


@pytest.mark.parametrize("seed", range(5))
def test_the_truth_is_perfect(seed: int) -> None:
    scores = score_people(*right(drawn(seed)))
    assert figures(scores) == (1, 1, 1, 1)
    assert [scores.boxes.as_dict()[name] for name in ("HOTA", "IDF1", "MOTA")] == pytest.approx([1, 1, 1])
    assert scores.people == scores.people_true == 4 and scores.unmatched == 0


@pytest.mark.parametrize("seed", range(5))
def test_names_and_the_order_of_cameras_mean_nothing(seed: int) -> None:
    cameras, persons = drawn(seed)
    plain = score_people(cameras, persons).as_dict()
    renamed = {name: f"somebody {int(person[1:]) * 7 % 11}" for name, person in persons.items()}
    again = score_people(cameras[::-1], renamed).as_dict()
    assert again.pop("boxes") == pytest.approx(plain.pop("boxes"), abs=1e-12)
    assert again == plain


@pytest.mark.parametrize("seed", range(5))
def test_splitting_a_right_person_costs_recall_and_no_precision(seed: int) -> None:
    cameras, persons = right(drawn(seed))
    split = score_people(cameras, {**persons, ("cam0", 1): "somebody else"})
    assert split.across.precision == split.every.precision == 1
    assert split.across.recall < 1 and split.every.recall < 1
    assert split.boxes.as_dict()["IDF1"] < 1 and split.people == split.people_true + 1


def test_merging_two_people_costs_precision_and_no_recall() -> None:
    """Person 1 in cameras a and b, person 2 in c and d: as one, two of six pairs are right, and none is missed."""
    seen = {"a": 1, "b": 1, "c": 2, "d": 2}
    found = rows_of(*standing(9, range(3)))
    cameras = [CameraRows(name, rows_of(*standing(who, range(3))), found) for name, who in seen.items()]
    scores = score_people(cameras, {(name, 9): "P1" for name in seen})
    assert scores.across.figures() == {"shown": 6, "right": 2, "true": 2, "precision": 2 / 6, "recall": 1}
    assert (scores.people, scores.people_true) == (1, 2)
    assert scores.boxes.as_dict()["IDF1"] == 0.5


def test_boxes_after_the_end_of_the_truth_reach_into_no_other_camera() -> None:
    cameras = [
        CameraRows("a", rows_of(*standing(1, range(3))), rows_of(*standing(4, range(9)))),
        CameraRows("b", rows_of(*standing(1, range(9))), rows_of()),
    ]
    found = score_people(cameras, {("a", 4): "P1"}).boxes.as_dict()
    assert (found["TP"], found["FP"], found["FN"], found["IDTP"], found["IDFN"]) == (3, 6, 9, 3, 9)


def test_who_is_hidden_is_in_no_link() -> None:
    """The track on the hidden person, 2, is taken out: it is neither a stranger nor a wrong link."""
    truth = rows_of(*standing(1, range(3)), *standing(2, range(3), left=500))
    hidden = MotRows(truth.frame, truth.id, truth.xyxy, truth.conf, truth.cls, np.where(truth.id == 2, 0.05, 1))
    result = rows_of(*standing(1, range(3)), *standing(2, range(3), left=500))
    cameras = [CameraRows("a", truth, rows_of(*standing(1, range(3)))), CameraRows("b", hidden, result)]
    persons = {("a", 1): "P1", ("b", 1): "P2", ("b", 2): "P1"}
    everyone, seen = (score_people(cameras, persons, visible=share) for share in (0.0, 0.1))
    assert (everyone.every.predicted, everyone.tracklets, everyone.people) == (1, 3, 2)
    assert (seen.every.predicted, seen.tracklets, seen.unmatched) == (0, 2, 0)


QUERIES = [
    # (what is shown, similarity of tracklet 0 to all, camera, person, queries counted, rank-1, mAP)
    ("the same person is the most alike", [0, 0.9, 0.5], [0, 1, 1], [7, 7, 8], 2, 1, 1),
    ("another one is", [0, 0.5, 0.9], [0, 1, 1], [7, 7, 8], 2, 0.5, 0.75),
    ("whoever the same camera shows is not asked for", [0, 0.5, 0.9], [0, 1, 0], [7, 7, 8], 2, 1, 1),
    ("nobody takes no place", [0, 0.5, 0.9], [0, 1, 1], [7, 7, -1], 2, 1, 1),
    ("a return alone is no answer", [0, 0.9, 0.5], [0, 0, 1], [7, 7, 8], 0, 0, 0),
    ("nobody asks", [0, 0.9, 0.5], [0, 1, 1], [-1, -1, -1], 0, 0, 0),
]


@pytest.mark.parametrize(
    ("row", "camera", "person", "queries", "first", "mean"), [row[1:] for row in QUERIES], ids=[q[0] for q in QUERIES]
)
def test_queries_by_hand(
    row: list[float], camera: list[int], person: list[int], queries: int, first: float, mean: float
) -> None:
    similarity = np.zeros((3, 3))
    similarity[0], similarity[:, 0] = row, row
    found = rank_across(similarity, camera, person)
    assert (found.queries, found.cmc[1], found.map) == (queries, first, pytest.approx(mean))


@pytest.mark.parametrize("seed", range(20))
def test_queries_as_in_loops(seed: int) -> None:
    chance = np.random.default_rng(seed)
    count = int(chance.integers(1, 30))
    similarity = chance.integers(0, 6, (count, count)) / 5  # many are equal, and it need not be symmetric
    camera, person = chance.integers(0, 3, count), chance.choice([-1, 1, 2, 3, 4], count)
    firsts, means = [], []
    for query in range(count):
        rows = [r for r in range(count) if camera[r] != camera[query] and person[r] != -1]
        rows.sort(key=lambda r: (-similarity[query, r], r))
        hits = [place for place, r in enumerate(rows, 1) if person[r] == person[query] != -1]
        if hits:
            firsts.append(hits[0])
            means.append(np.mean([n / place for n, place in enumerate(hits, 1)]))
    similarity[camera[:, None] == camera] = chance.choice([np.nan, np.inf, -np.inf, 0.5])  # is never read
    names = np.array(["hall", "yard", "gate"])[camera]
    found = rank_across(similarity.astype(np.float32), names, person, ranks=(1, 3))
    assert found.queries == len(firsts)
    assert found.cmc == pytest.approx({k: np.mean(np.array(firsts) <= k) if firsts else 0 for k in (1, 3)})
    assert found.map == pytest.approx(np.mean(means) if means else 0)


@pytest.mark.parametrize(
    ("similarity", "camera", "person", "words"),
    [
        (np.ones((2, 3)), [0, 1], [1, 1], r"expected \(n, n\)"),
        (np.ones((2, 2)), [0, 1, 2], [1, 1], r"expected \(n, n\)"),
        (np.full((2, 2), np.nan), [0, 1], [1, 1], "finite"),
    ],
)
def test_misuse_is_named(similarity: np.ndarray, camera: list[int], person: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rank_across(similarity, camera, person)
    with pytest.raises(ValueError, match="expected"):
        TrackletSimilarity(np.ones((2, 2)), np.array(["a", "b"]), np.array([1.0, 2.0]))  # type: ignore[arg-type]


def test_no_cameras_is_misuse() -> None:
    with pytest.raises(ValueError, match="at least one camera"):
        score_people([], {})
