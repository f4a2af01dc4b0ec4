"""Regions: exact edges, properties, an independent judge of inside and outside, files good and bad."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.base.errors import RegionError, StoreError
from core.vision.regions import (
    Region,
    Regions,
    from_json,
    inside,
    load_regions,
    on_trails,
    save_regions,
    to_json,
    write_trail,
)

WIDTH, HEIGHT = 1280, 720
LEFT_HALF = Region("box", ((0, 0), (0.5, 1)))
MIDDLE = Region("box", ((0.25, 0.25), (0.75, 0.75)))
TRIANGLE = Region("polygon", ((0, 0), (1, 0), (0, 1)))
# A bow tie of two triangles that meet in the middle, and a five-pointed star whose heart is enclosed twice.
BOW = Region("polygon", ((0, 0), (1, 1), (1, 0), (0, 1)))
STAR = Region(
    "polygon", tuple((0.5 + 0.5 * np.sin(k * 0.8 * np.pi), 0.5 - 0.5 * np.cos(k * 0.8 * np.pi)) for k in range(5))
)


def but(region: Region) -> Region:
    return Region(region.kind, region.points, "exclude")


def standing_at(points: np.ndarray) -> np.ndarray:
    """Boxes of a 100 x 100 picture whose feet are at `points` (n, 2)."""
    points = np.asarray(points, np.float64).reshape(-1, 2)
    return np.concatenate([points - (5, 20), points + np.array((5, 0))], axis=1)


SCENES = [
    # (why, regions, foot in a picture of 100 x 100, counts)
    ("no region: everywhere", (), (3, 3), True),
    ("inside a box", (LEFT_HALF,), (20, 20), True),
    ("on its edge", (LEFT_HALF,), (50, 20), True),
    ("just past its edge", (LEFT_HALF,), (50.0001, 20), False),
    ("on its corner", (MIDDLE,), (75, 75), True),
    ("inside a polygon", (TRIANGLE,), (40, 40), True),
    ("on its slanted edge", (TRIANGLE,), (50, 50), True),
    ("on another place of that edge", (TRIANGLE,), (90, 10), True),
    ("just past that edge", (TRIANGLE,), (50, 50.0001), False),
    ("inside either of two", (LEFT_HALF, MIDDLE), (60, 50), True),
    ("inside neither of two", (LEFT_HALF, MIDDLE), (80, 50), False),
    ("only an exclude, outside it", (but(MIDDLE),), (10, 10), True),
    ("only an exclude, inside it", (but(MIDDLE),), (50, 50), False),
    ("the edge of an exclude belongs to it", (but(MIDDLE),), (75, 50), False),
    ("exclude wins over include", (LEFT_HALF, but(MIDDLE)), (40, 50), False),
    ("exclude wins in whatever order", (but(MIDDLE), LEFT_HALF), (40, 50), False),
    ("included, past the exclude", (LEFT_HALF, but(MIDDLE)), (10, 50), True),
    ("inside a bow tie's left wing", (BOW,), (10, 50), True),
    ("inside its right wing", (BOW,), (75, 50), True),
    ("between its wings", (BOW,), (50, 20), False),
    ("a bow tie's knot", (BOW,), (50, 50), True),
    ("a star's ray", (STAR,), (50, 15), True),
    ("a star's heart is enclosed twice", (STAR,), (50, 50), False),
    ("feet below the picture count at its edge", (LEFT_HALF,), (20, 130), True),
    ("feet left of the picture too", (LEFT_HALF,), (-30, 50), True),
    ("feet right of it are still not left", (LEFT_HALF,), (130, 50), False),
]


@pytest.mark.parametrize(("why", "regions", "foot", "counts"), SCENES, ids=[scene[0] for scene in SCENES])
def test_scenes(why: str, regions: tuple[Region, ...], foot: tuple[float, float], counts: bool) -> None:
    assert inside(Regions(regions), standing_at(np.array(foot)), 100, 100).tolist() == [counts], why


def test_the_anchor_decides() -> None:
    upper = (Region("box", ((0, 0), (1, 0.5))),)
    tall = np.array([[10, 10, 30, 80]])  # foot (20, 80), centre (20, 45)
    assert inside(Regions(upper, "foot"), tall, 100, 100).tolist() == [False]
    assert inside(Regions(upper, "centre"), tall, 100, 100).tolist() == [True]


def test_no_boxes_no_answers() -> None:
    for regions in (Regions(), Regions((MIDDLE,)), Regions((but(MIDDLE),))):
        answer = inside(regions, np.empty((0, 4), np.float32), WIDTH, HEIGHT)
        assert (answer.shape, answer.dtype) == ((0,), np.bool_)


def test_a_picture_has_a_size() -> None:
    with pytest.raises(ValueError, match="0 x 720"):
        inside(Regions(), np.empty((0, 4)), 0, HEIGHT)


whole = st.integers(0, 1000)
pixels = st.lists(st.tuples(whole, whole), min_size=3, max_size=8)
feet = st.lists(st.tuples(whole, whole), min_size=1, max_size=30).map(np.array)


def polygon_of(points: list[tuple[int, int]]) -> Region:
    """A polygon from thousandths; what encloses nothing is refused, and no example here."""
    try:
        return Region("polygon", tuple((x / 1000, y / 1000) for x, y in points))
    except RegionError:
        assume(False)
        raise


@given(points=pixels, feet=feet)
def test_opencv_judges_alike(points: list[tuple[int, int]], feet: np.ndarray) -> None:
    region = polygon_of(points)
    outline = np.array(points, np.int32)
    expected = np.array([cv2.pointPolygonTest(outline, (float(x), float(y)), True) for x, y in feet])
    clear = np.abs(expected) > 1e-3
    answer = inside(Regions((region,)), standing_at(feet), 1000, 1000)
    np.testing.assert_array_equal(answer[clear], expected[clear] > 0)
    assert answer[expected == 0].all()


@given(points=pixels, feet=feet)
def test_excluding_is_the_complement_of_including(points: list[tuple[int, int]], feet: np.ndarray) -> None:
    region = polygon_of(points)
    boxes = standing_at(feet)
    within = inside(Regions((region,)), boxes, 1000, 1000)
    np.testing.assert_array_equal(inside(Regions((but(region),)), boxes, 1000, 1000), ~within)
    assert not inside(Regions((region, but(region))), boxes, 1000, 1000).any()


@given(points=pixels, feet=feet, shift=st.tuples(whole, whole))
def test_moving_all_changes_nothing(points: list[tuple[int, int]], feet: np.ndarray, shift: tuple[int, int]) -> None:
    here = polygon_of(points)
    halved = Region("polygon", tuple((x / 2, y / 2) for x, y in here.points))
    moved = Region("polygon", tuple((x + shift[0] / 2000, y + shift[1] / 2000) for x, y in halved.points))
    answers = [
        inside(Regions((region,)), standing_at(where), 2000, 2000)
        for region, where in ((halved, feet), (moved, feet + np.array(shift)))
    ]
    np.testing.assert_array_equal(*answers)


@given(points=pixels, feet=feet, turn=st.integers(0, 7), size=st.sampled_from([(640, 480), (1000, 1000), (3840, 2160)]))
def test_start_direction_and_size_do_not_matter(
    points: list[tuple[int, int]], feet: np.ndarray, turn: int, size: tuple[int, int]
) -> None:
    here = polygon_of(points)
    turned = points[turn % len(points) :] + points[: turn % len(points)]
    expected = inside(Regions((here,)), standing_at(feet), 1000, 1000)
    scaled = feet * np.array(size) / 1000
    for same in (turned, turned[::-1], [*turned, turned[0]]):
        np.testing.assert_array_equal(inside(Regions((polygon_of(same),)), standing_at(scaled), *size), expected)


@pytest.mark.parametrize("corners", [((0.1, 0.2), (0.6, 0.9)), ((0.6, 0.9), (0.1, 0.2)), ((0.6, 0.2), (0.1, 0.9))])
def test_a_box_dragged_any_way_is_the_same(corners: tuple) -> None:
    assert Region("box", corners) == Region("box", ((0.1, 0.2), (0.6, 0.9)))


def test_points_a_little_outside_are_moved_in() -> None:
    assert Region("box", ((-0.02, 0.5), (1.1, 1.05))).points == ((0.0, 0.5), (1.0, 1.0))


REFUSED = [
    ("box", ((0.1, 0.1), (0.1, 0.9)), "encloses nothing"),
    ("box", ((0.1, 0.1), (0.1, 0.1)), "encloses nothing"),
    ("box", ((1.02, 0.1), (1.09, 0.9)), "encloses nothing"),
    ("box", ((0.1, 0.1),), "1 points"),
    ("box", ((0.1, 0.1), (0.2, 0.2), (0.3, 0.3)), "3 points"),
    ("polygon", (), "0 different points"),
    ("polygon", ((0, 0), (1, 1), (0, 0)), "2 different points"),
    ("polygon", ((0, 0), (0.1, 0.1), (0.3, 0.3), (0.7, 0.7)), "on one line"),
    ("polygon", ((0, 0), (1, 0), (float("nan"), 1)), "Point 3"),
    ("polygon", ((0, 0), (float("inf"), 0), (0, 1)), "Point 2"),
    ("polygon", ((0, 0), ("a", 0), (0, 1)), "Point 2"),
    ("polygon", ((0, 0), (1, 0, 0), (0, 1)), "Point 2"),
    ("box", ((0, 0), (1.11, 1)), "Point 2 lies far outside"),
    ("box", ((0, 0), (640, 360)), "Point 2 lies far outside"),
    ("circle", ((0, 0), (1, 1)), "kind is 'circle'"),
]


@pytest.mark.parametrize(("kind", "points", "said"), REFUSED)
def test_what_means_nothing_is_refused(kind: str, points: tuple, said: str) -> None:
    with pytest.raises(RegionError, match=said) as caught:
        Region(kind, points)  # type: ignore[arg-type]
    assert caught.value.remedy


def test_choices_are_checked() -> None:
    with pytest.raises(RegionError, match="mode is 'maybe'"):
        Region("box", ((0, 0), (1, 1)), "maybe")  # type: ignore[arg-type]
    with pytest.raises(RegionError, match="anchor is 'head'"):
        Regions((), "head")  # type: ignore[arg-type]


def test_saved_regions_load_alike(tmp_path: Path) -> None:
    regions = Regions((MIDDLE, but(STAR), Region("polygon", TRIANGLE.points, name="Tür")), "centre")
    path = tmp_path / "regions.json"
    save_regions(path, regions)
    first = path.read_bytes()
    loaded = load_regions(path, WIDTH, HEIGHT)
    assert loaded == regions
    assert loaded.digest == regions.digest
    save_regions(path, loaded)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == ["regions.json"]


def test_the_digest_tells_regions_apart() -> None:
    several = [Regions(), Regions((MIDDLE,)), Regions((but(MIDDLE),)), Regions((MIDDLE,), "centre"), Regions((BOW,))]
    assert len({regions.digest for regions in several}) == len(set(several)) == len(several)
    numpy_points = Region("box", tuple(map(tuple, np.array(MIDDLE.points))))
    assert Regions((numpy_points,)).digest == Regions((MIDDLE,)).digest


def test_a_folder_is_made_and_one_that_cannot_be_is_named(tmp_path: Path) -> None:
    save_regions(tmp_path / "new" / "regions.json", Regions())
    with pytest.raises(StoreError, match="cannot be written"):
        save_regions(tmp_path / "new" / "regions.json" / "regions.json", Regions())


def changed(**parts: object) -> str:
    return json.dumps({**json.loads(to_json(Regions((MIDDLE,)))), **parts})


BAD_JSON = [
    ('{"format": "sightline-regions",\n "version": }', "line 2: no valid JSON"),
    ("[]", "does not hold regions"),
    ("{}", "does not hold regions"),
    (changed(version=2), "version 2"),
    (changed(regions=None), '"regions" is not a list'),
    (changed(regions=[3]), "region 1 is 3"),
    (changed(regions=[{"kind": "box"}]), "region 1 is"),
    (changed(regions=[{"kind": "box", "points": 3}]), "region 1: points is 3"),
    (changed(regions=[{"kind": "box", "points": [[0, 0], [1, 1]], "colour": "red"}]), "region 1 is"),
    (
        changed(regions=[{"kind": "box", "points": [[0, 0], [1, 1]]}, {"kind": "box", "points": [[0, 0], 7]}]),
        "region 2",
    ),
    (changed(regions=[{"kind": [], "points": []}]), "region 1: kind is"),
    (changed(regions=[{"kind": "box", "points": [[0, 0], [1, 1]], "name": 3}]), "name is 3"),
    (changed(regions=[{"kind": "box", "points": [[0, 0], [10**400, 1]]}]), "region 1: Point 2"),
    (changed(anchor="head"), "anchor is 'head'"),
]


@pytest.mark.parametrize(("text", "said"), BAD_JSON)
def test_bad_json_says_what_and_where(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "regions.json"
    path.write_text(text)
    with pytest.raises(RegionError, match=rf"regions\.json: .*{said}"):
        load_regions(path, WIDTH, HEIGHT)


PLAIN = [
    ("128,72\n640,72\n\n640,360\n", ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5))),
    (" 128 ; 72\n640\t72\n640 360\n128,72", ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5))),
    ("0.1,0.1\n1,0.1\n0.5,0.5\n", ((0.1, 0.1), (1.0, 0.1), (0.5, 0.5))),
    ("0,0\n1,0\n1,1\n", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))),
]


@pytest.mark.parametrize(("text", "points"), PLAIN)
def test_plain_lines(text: str, points: tuple, tmp_path: Path) -> None:
    path = tmp_path / "roi.txt"
    path.write_text(text)
    assert load_regions(path, WIDTH, HEIGHT) == Regions((Region("polygon", points),))


BAD_PLAIN = [
    ("", "0 different points"),
    ("1,2\n3,4\n", "2 different points"),
    ("1,2\n\n3\n", "line 3 is '3'"),
    ("1,2\n3,4,5\n", "line 2 is '3,4,5'"),
    ("x,y\n3,4\n", "line 1 is 'x,y'"),
    ("1,2\n3,nan\n", "line 2 is '3,nan'"),
    ("0,0\n1280,0\n1280,1080\n", "Point 3 lies far outside"),
]


@pytest.mark.parametrize(("text", "said"), BAD_PLAIN)
def test_bad_lines_are_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "roi.txt"
    path.write_text(text)
    with pytest.raises(RegionError, match=rf"roi\.txt: .*{said}"):
        load_regions(path, WIDTH, HEIGHT)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "roi.txt").write_bytes(b"\x00\xff\xfe\x80")
    for path, said in ((tmp_path / "roi.txt", "not a text file"), (tmp_path / "no.txt", "cannot be read")):
        with pytest.raises(RegionError, match=said):
            load_regions(path, WIDTH, HEIGHT)


@pytest.mark.shared
def test_the_alley(shared: Path) -> None:
    regions = load_regions(shared / "data" / "clips" / "alley_roi.txt", WIDTH, HEIGHT)
    corners = np.array([(296, 142), (561, 169), (507, 689), (191, 667)])
    assert len(regions.regions) == 1
    np.testing.assert_allclose(regions.regions[0].corners * (WIDTH, HEIGHT), corners)
    places = np.array([(400, 400), (296, 142), (561, 169), (193, 660), (180, 660), (600, 400), (400, 100)])
    answer = inside(regions, standing_at(places), WIDTH, HEIGHT)
    assert answer.tolist() == [True, True, True, True, False, False, False]


def test_trails_leave_out_the_boxes_of_somebody_and_no_others() -> None:
    seconds = np.arange(10) / 5
    boxes = np.float32([[100 + 20 * n, 100, 160 + 20 * n, 300] for n in range(10)])
    trail = write_trail(seconds, boxes, 640, 480)
    regions = Regions(left_out=(trail,))
    assert from_json(to_json(regions)) == regions and not regions.is_empty and Regions().is_empty
    # At another frame rate, and a little beyond both ends.
    between = np.linspace(-0.4, 2.2, 27)
    places = np.stack([np.interp(between, seconds, boxes[:, side]) for side in range(4)], axis=1)
    assert on_trails(regions, between, places, 640, 480).all()
    assert not on_trails(regions, between + 5, places, 640, 480).any()
    # Of two people who stand close, only the one on the trail.
    both = np.float32([[100, 100, 160, 300], [115, 100, 175, 300]])
    assert on_trails(regions, np.zeros(2), both, 640, 480).tolist() == [True, False]
    assert on_trails(regions.shifted(1.0), seconds - 1, boxes, 640, 480).all()


def test_keys_and_files_of_regions_without_trails_are_as_they_were() -> None:
    assert "left_out" not in to_json(Regions()) and from_json(to_json(Regions())) == Regions()


@pytest.mark.parametrize("trail", ["", "1 2 3", "5 0 0 1 1;4 0 0 1 1", "x 0 0 1 1", "1 2 3 4 99999999999999999"])
def test_a_trail_that_is_none_is_refused(trail: str) -> None:
    with pytest.raises(RegionError):
        Regions(left_out=(trail,))
