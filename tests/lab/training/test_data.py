"""Crops as they lie on disk, in both layouts: who and where they are, who is kept aside, who asks."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import SettingsError
from core.lab.evaluate import rank_within
from core.lab.training import Crops, hold_out, join_crops, load_pictures, query_mask, read_crops


def lay(folder: Path, *names: str) -> Path:
    """Pictures by these names, each of one grey: 10, 20, 30 in the order given."""
    for number, name in enumerate(names, 1):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), np.full((8, 4, 3), 10 * number, np.uint8))
    return folder


def crops_of(*rows: tuple[int, int]) -> Crops:
    """Rows of (person, camera)."""
    person, camera = np.array(rows, np.int64).reshape(-1, 2).T
    names = np.array([Path(f"{number:04d}.jpg") for number in range(len(rows))] or [], object)
    return Crops(names, person, camera)


def test_people_of_other_sets_are_other_people() -> None:
    first = crops_of((3, 1), (7, 2), (0, 1))
    both = join_crops(first, [crops_of((3, 5), (-1, 1), (0, 2)), crops_of((1, 1), (3, 2))])
    assert both.person.tolist() == [3, 7, 0, 10, 11, 13]
    assert both.camera.tolist() == [1, 2, 1, 5, 1, 2]
    assert join_crops(first, []).person.tolist() == first.person.tolist()


def test_market_names(tmp_path: Path) -> None:
    names = ("0007_c3s1_000451_03.jpg", "-1_c1s1_000001_01.jpg", "0000_c6s2_000009_00.jpg", "1501_c12s1_000001_00.png")
    crops = read_crops(lay(tmp_path, *names))
    assert [p.name for p in crops.path] == sorted(names)
    rows = dict(zip((p.name for p in crops.path), zip(crops.person, crops.camera, strict=True), strict=True))
    assert rows == dict(zip(names, [(7, 3), (-1, 1), (0, 6), (1501, 12)], strict=True))
    assert crops.people.tolist() == [7, 1501]  # neither junk nor distractors


def test_a_flat_name_without_a_camera_was_seen_by_the_first(tmp_path: Path) -> None:
    crops = read_crops(lay(tmp_path, "001_45.bmp", "002_c2s1_1.bmp"))
    assert crops.camera.tolist() == [1, 2]


def test_a_folder_per_person(tmp_path: Path) -> None:
    names = ("anna/cam2_000451.jpg", "anna/C3-1.PNG", "ben/c12_1.bmp", "ben/portrait.jpg", "ben/camera.jpg")
    crops = read_crops(lay(tmp_path, *names))
    found = {
        p.relative_to(tmp_path).as_posix(): row for p, *row in zip(crops.path, crops.person, crops.camera, strict=True)
    }
    assert found == {
        names[0]: [1, 2], names[1]: [1, 3], names[2]: [2, 12], names[3]: [2, 1], names[4]: [2, 1]
    }  # fmt: skip


def test_what_is_no_crop_is_passed_over(tmp_path: Path) -> None:
    lay(tmp_path, "anna/cam1_1.jpg", "anna/._cam1_1.jpg", "ben/cam1_2.jpg")
    (tmp_path / "card.md").write_text("words")
    (tmp_path / "anna" / "Thumbs.db").write_text("words")
    (tmp_path / "nobody").mkdir()
    assert read_crops(tmp_path).person.tolist() == [1, 2]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a folder"):
        read_crops(tmp_path / "missing")
    with pytest.raises(SettingsError, match="holds no crops"):
        read_crops(tmp_path)
    lay(tmp_path / "mixed", "0001_c1s1_000001_00.jpg", "holiday.jpg")
    with pytest.raises(SettingsError, match=r"holiday\.jpg"):
        read_crops(tmp_path / "mixed")


people_and_cameras = st.lists(st.tuples(st.integers(-1, 5), st.integers(1, 3)), max_size=30)


@given(rows=people_and_cameras, aside=st.integers(0, 6))
def test_nobody_is_on_both_sides(rows: list[tuple[int, int]], aside: int) -> None:
    crops = crops_of(*rows)
    named = sorted({person for person, _ in rows if person > 0})
    if aside >= len(named):
        with pytest.raises(SettingsError, match="held out"):
            hold_out(crops, aside)
        return
    train, held = hold_out(crops, aside)
    assert train.people.tolist() == named[: len(named) - aside]
    assert held.people.tolist() == named[len(named) - aside :]
    assert len(train) + len(held) == sum(person > 0 for person, _ in rows)


@given(rows=people_and_cameras)
def test_each_persons_first_in_each_camera_asks(rows: list[tuple[int, int]]) -> None:
    asks = query_mask(crops_of(*rows))
    first = [row not in rows[:number] and row[0] > 0 for number, row in enumerate(rows)]
    assert asks.tolist() == first


def test_queries_and_ranking_meet() -> None:
    """Two people, each twice in two cameras, told apart perfectly; a distractor and junk beside them."""
    crops = crops_of((1, 1), (1, 1), (1, 2), (1, 2), (2, 1), (2, 1), (2, 2), (2, 2), (0, 1), (-1, 2))
    vectors = np.eye(4, dtype=np.float32)[crops.person]  # -1 is the last one
    found = rank_within(vectors, crops.person, crops.camera, query_mask(crops))
    assert (found.queries, found.map, found.cmc[1]) == (4, 1, 1)


def test_pictures_come_at_one_size_in_their_order(tmp_path: Path) -> None:
    crops = read_crops(lay(tmp_path, "a/1.png", "a/2.png", "b/1.png"))
    for size in ((16, 8), (4, 2)):
        held = load_pictures(crops, *size)
        assert held.shape == (3, *size, 3) and held.dtype == np.uint8
        assert held[:, 0, 0, 0].tolist() == [10, 20, 30]


def test_pictures_keep_the_order_of_colours(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    cv2.imwrite(str(tmp_path / "a" / "1.png"), np.full((8, 4, 3), (200, 100, 50), np.uint8))
    assert load_pictures(read_crops(tmp_path), 8, 4)[0, 0, 0].tolist() == [200, 100, 50]


@pytest.mark.parametrize("content", [b"", b"words"])
def test_a_file_that_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    lay(tmp_path, "a/1.png")
    (tmp_path / "a" / "2.png").write_bytes(content)
    with pytest.raises(SettingsError, match=r"2\.png"):
        load_pictures(read_crops(tmp_path), 8, 4)


def test_it_is_told_how_far_loading_is(tmp_path: Path) -> None:
    crops = read_crops(lay(tmp_path, "a/1.png"))
    told: list[int] = []
    load_pictures(crops[np.zeros(600, int)], 2, 1, told.append)
    assert told == [256, 512]
