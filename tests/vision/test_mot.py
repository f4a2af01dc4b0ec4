"""MOT text: what is written reads back, layouts as they turn up, and lines that mean nothing are named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import StoreError, TruthError
from core.base.types import Tracks
from core.vision.mot import read_detections, read_mot, rows_of, write_tracks


def tracks_of(rows: list[tuple[int, int, float, float, float, float, float]]) -> Tracks:
    """Tracks from (frame, track, left, top, width, height, score)."""
    table = np.array(rows, np.float64).reshape(-1, 7)
    return Tracks(
        frame=table[:, 0].astype(np.int64),
        seconds=table[:, 0] / 10,
        track=table[:, 1].astype(np.int64),
        xyxy=np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1),
        score=table[:, 6],
        detected=np.ones(len(table), np.bool_),
    )


coordinate = st.floats(-100, 5000, width=32)
size = st.floats(0, 3000, width=32)
row = st.tuples(
    st.integers(0, 100_000), st.integers(0, 10**6), coordinate, coordinate, size, size, st.floats(0, 1, width=32)
)


@given(rows=st.lists(row, max_size=20))
def test_what_is_written_reads_back(rows: list, tmp_path_factory: pytest.TempPathFactory) -> None:
    tracks = tracks_of(rows)
    path = tmp_path_factory.mktemp("mot") / "cam.txt"
    write_tracks(path, tracks)
    back = read_mot(path)
    np.testing.assert_array_equal(back.frame, tracks.frame)
    np.testing.assert_array_equal(back.id, tracks.track)
    # Two decimals each for the corner and the size, and single precision before that.
    np.testing.assert_allclose(back.xyxy, tracks.xyxy, atol=0.0105)
    np.testing.assert_allclose(back.conf, tracks.score, atol=0.00006)
    assert (back.cls == -1).all()
    assert (back.visibility == 1).all()


def test_the_exact_text(tmp_path: Path) -> None:
    path = tmp_path / "cam.txt"
    write_tracks(path, tracks_of([(0, 7, 10, 20.125, 30, 40.5, 0.875), (9, 8, -1, 0, 5, 6, 1)]))
    assert path.read_bytes() == (
        b"1,7,10.00,20.12,30.00,40.50,0.8750,-1,-1,-1\n10,8,-1.00,0.00,5.00,6.00,1.0000,-1,-1,-1\n"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["cam.txt"]


def test_nobody_seen_is_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "cam.txt"
    write_tracks(path, Tracks.empty())
    assert path.read_bytes() == b""
    assert len(read_mot(path)) == len(read_detections(path)) == len(rows_of(Tracks.empty())) == 0


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    taken = tmp_path / "cam.txt"
    (taken / "something").mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be written"):
        write_tracks(taken, Tracks.empty())
    assert [p.name for p in tmp_path.iterdir()] == ["cam.txt"]
    with pytest.raises(StoreError, match="cannot be written"):
        write_tracks(tmp_path / "cam.txt" / "something" / ".." / ".." / "cam.txt", Tracks.empty())


LAYOUTS = [
    # (text, frame, id, xyxy, conf, class, visibility)
    ("3,5,1,2,10,20", 2, 5, (1, 2, 11, 22), 1, -1, 1),
    ("3,5,1,2,10,20,0", 2, 5, (1, 2, 11, 22), 0, -1, 1),
    ("3,5,1,2,10,20,1,7", 2, 5, (1, 2, 11, 22), 1, 7, 1),
    ("3,5,1,2,10,20,1,7,0.25", 2, 5, (1, 2, 11, 22), 1, 7, 0.25),
    ("3,5,1,2,10,20,0.5,-1,-1,-1", 2, 5, (1, 2, 11, 22), 0.5, -1, 1),
    # The 2015 layout: a place in the world, which is no class.
    ("3,5,1,2,10,20,1,-4.5,7.25,0", 2, 5, (1, 2, 11, 22), 1, -1, 1),
    # Written by other hands: white space, semicolons, a comma at the end, numbers with a point.
    (" 3 , 5 ,1,2, 10,20 ,1 ", 2, 5, (1, 2, 11, 22), 1, -1, 1),
    ("3 5 1 2 10 20 1", 2, 5, (1, 2, 11, 22), 1, -1, 1),
    ("3\t5\t1\t2\t10\t20\t1", 2, 5, (1, 2, 11, 22), 1, -1, 1),
    ("3;5;1;2;10;20;1", 2, 5, (1, 2, 11, 22), 1, -1, 1),
    ("3.0,5.0,1.5,2,10,20,1,", 2, 5, (1.5, 2, 11.5, 22), 1, -1, 1),
    ("3,-1,1,2,0,0,1", 2, -1, (1, 2, 1, 2), 1, -1, 1),
]


@pytest.mark.parametrize(("text", "frame", "who", "xyxy", "conf", "cls", "visibility"), LAYOUTS)
def test_layouts(
    text: str, frame: int, who: int, xyxy: tuple, conf: float, cls: int, visibility: float, tmp_path: Path
):
    path = tmp_path / "gt.txt"
    path.write_text(f"\ufeff\n{text}\r\n\r\n", encoding="utf-8", newline="")
    rows = read_mot(path)
    assert (rows.frame.tolist(), rows.id.tolist(), rows.cls.tolist()) == ([frame], [who], [cls])
    assert (rows.xyxy.tolist(), rows.conf.tolist(), rows.visibility.tolist()) == ([list(xyxy)], [conf], [visibility])


FAULTS = [
    ("1,1,1,1,1", "5 columns"),
    ("1,1,1,1,1,1,1,1,1,1,1", "11 columns"),
    ("frame,id,x,y,w,h", "'frame' is not a number"),
    ("1,,1,1,1,1", "'' is not a number"),
    ("1,1,nan,1,1,1", "not a finite number"),
    ("1,1,1,inf,1,1", "not a finite number"),
    ("0,1,1,1,1,1", "frames count from 1"),
    ("1.5,1,1,1,1,1", "whole numbers"),
    ("1,1.5,1,1,1,1", "whole numbers"),
    ("1,1e20,1,1,1,1", "whole numbers"),
    ("1,1,1,1,1,1,1,0.5", "whole numbers"),
    ("1,1,1,1,-1,1", "negative size"),
    ("1,1,1,1,1,-0.5", "negative size"),
]


@pytest.mark.parametrize(("text", "said"), FAULTS)
def test_a_bad_line_is_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text(f"1,1,1,1,1,1\n\n{text}\n")
    with pytest.raises(TruthError, match=rf"gt\.txt, line 3: .*{said}"):
        read_mot(path)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "clip.txt").write_bytes(b"\x00\xff\xfe\x80")
    with pytest.raises(TruthError, match="not a text file"):
        read_mot(tmp_path / "clip.txt")
    with pytest.raises(TruthError, match="cannot be read"):
        read_mot(tmp_path / "missing.txt")
    with pytest.raises(TruthError, match="cannot be read"):
        read_mot(tmp_path)


def test_detections_come_in_order(tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text("9,-1,1,1,4,4,0.5\n2,-1,7,7,4,4,0.25\n9,-1,0,0,4,4,0.75\n")
    detections = read_detections(path)
    assert detections.frame.tolist() == [1, 8, 8]
    assert detections.score.tolist() == [0.25, 0.5, 0.75]
    assert detections.xyxy.tolist() == [[7, 7, 11, 11], [1, 1, 5, 5], [0, 0, 4, 4]]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "boxes", "first", "last"),
    [
        ("pets_s2l1/det_frcnn.txt", 4359, 0, 794),
        ("mot/TUD-Campus/det.txt", 321, 0, 70),
        ("mot/MOT17-11/det.txt", 6007, 0, 899),
        ("mot/MOT17-13/det.txt", 8442, 0, 749),
    ],
)
def test_public_detections(name: str, boxes: int, first: int, last: int, shared: Path) -> None:
    detections = read_detections(shared / "data" / name)
    assert len(detections) == boxes
    assert (int(detections.frame[0]), int(detections.frame[-1])) == (first, last)
    assert (detections.xyxy[:, 2:] > detections.xyxy[:, :2]).all()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "boxes", "people"),
    [("pets_s2l1/gt.txt", 4650, 19), ("mot/TUD-Campus/gt.txt", 359, 8), ("mot/MOT17-04-8frames.gt.txt", None, None)],
)
def test_public_truth(name: str, boxes: int | None, people: int | None, shared: Path) -> None:
    rows = read_mot(shared / "data" / name)
    lines = (shared / "data" / name).read_text().split()
    assert len(rows) == (boxes or len(lines))
    assert len(np.unique(rows.id)) == (people or len({line.split(",")[1] for line in lines}))
    assert rows.frame.min() == 0
