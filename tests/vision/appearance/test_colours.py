"""The colour of clothes: the right word whatever is behind, however large, somewhat darker; and a cue that is fair."""

import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.types import Floats, Image
from core.vision.appearance import COLOURS, average_histograms, colour_histogram, describe_colours
from tests.lab.synthetic.footage import SHORT, shots

# BGR of a cloth that everybody calls so.
CLOTHS: dict[str, tuple[int, int, int]] = {
    "black": (24, 22, 22),
    "white": (235, 235, 235),
    "grey": (125, 125, 125),
    "red": (35, 25, 190),
    "orange": (20, 120, 245),
    "yellow": (40, 215, 240),
    "green": (50, 140, 40),
    "blue": (200, 70, 30),
    "purple": (140, 30, 110),
    "pink": (190, 165, 250),
    "brown": (30, 70, 120),
}
BACKGROUNDS = {"grey street": (120, 125, 128), "lawn": (60, 120, 90), "black": (10, 10, 10), "sky": (240, 225, 200)}
Colour = tuple[int, int, int]


def person(upper: Colour, lower: Colour, behind: Colour = (120, 125, 128), height: int = 256) -> Image:
    """A figure with head, arms and two legs, which fills the middle of the crop as a box does."""
    picture = np.full((256, 128, 3), behind, np.uint8)
    cv2.ellipse(picture, (64, 24), (12, 18), 0, 0, 360, (120, 150, 190), -1)
    cv2.rectangle(picture, (34, 40), (94, 128), upper, -1)
    cv2.rectangle(picture, (40, 128), (62, 245), lower, -1)
    cv2.rectangle(picture, (66, 128), (88, 245), lower, -1)
    return np.asarray(cv2.resize(picture, (height // 2, height), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("upper", CLOTHS)
@pytest.mark.parametrize("behind", BACKGROUNDS.values(), ids=BACKGROUNDS)
def test_every_colour_has_its_word_above_and_below(upper: str, behind: Colour) -> None:
    lower = COLOURS[(COLOURS.index(upper) + 4) % 11]
    if {upper, lower} & {"green"} and behind == BACKGROUNDS["lawn"]:
        behind = BACKGROUNDS["grey street"]  # what has the colour of its background cannot be told from it
    assert describe_colours(colour_histogram(person(CLOTHS[upper], CLOTHS[lower], behind))) == (upper, lower)


def alike(one: Floats, other: Floats) -> Floats:
    """How alike clothes are, 0 to 1, to measure histograms by: the Bhattacharyya coefficient of each half, and the
    geometric mean of both."""
    both = np.einsum("nhc,mhc->hnm", np.sqrt(np.asarray(one, np.float64)), np.sqrt(np.asarray(other, np.float64)))
    return np.asarray(np.sqrt(np.clip(both[0] * both[1], 0, 1)), np.float32)


@pytest.mark.parametrize("colour", CLOTHS)
@pytest.mark.parametrize("height", [24, 64, 700])
def test_near_and_far_alike(colour: str, height: int) -> None:
    near = colour_histogram(person(CLOTHS[colour], CLOTHS["blue"]))
    far = colour_histogram(person(CLOTHS[colour], CLOTHS["blue"], height=height))
    assert describe_colours(far)[0] == colour
    assert alike(near[None], far[None])[0, 0] > 0.9


@pytest.mark.parametrize("light", [0.7, 0.85, 1.15])
@pytest.mark.parametrize("colour", ["red", "yellow", "green", "blue", "purple"])
def test_a_hue_survives_exposure(colour: str, light: float) -> None:
    crop = person(CLOTHS[colour], CLOTHS["black"])
    exposed = np.clip(crop * light, 0, 255).astype(np.uint8)
    assert describe_colours(colour_histogram(exposed)) == (colour, "black")


@pytest.mark.parametrize("light", [0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("cast", [(1.0, 1.0, 1.0), (0.92, 1.0, 1.05), (1.05, 1.0, 0.94)], ids=["none", "warm", "cold"])
def test_a_dark_grey_coat_is_black_or_grey_in_any_light(light: float, cast: tuple[float, ...]) -> None:
    crop = person((62, 60, 60), (62, 60, 60))
    seen = colour_histogram(np.clip(crop * np.array(cast) * light, 0, 255).astype(np.uint8))
    assert {word for half in describe_colours(seen) for word in half.split(" and ")} <= {"black", "grey"}
    assert seen[:, COLOURS.index("brown")].max() < 0.2


def test_a_pattern_has_two_words() -> None:
    crop = person(CLOTHS["white"], CLOTHS["black"])
    stripes = (np.arange(256) // 12 % 2 == 0) & (np.arange(256) >= 40) & (np.arange(256) < 128)
    crop[stripes, 34:94] = CLOTHS["red"]
    upper, lower = describe_colours(colour_histogram(crop))
    assert set(upper.split(" and ")) == {"red", "white"} and lower == "black"


def test_shorts_count_for_more_than_bare_legs() -> None:
    crop = person(CLOTHS["white"], CLOTHS["blue"])
    crop[180:245, 40:88][crop[180:245, 40:88, 0] == 200] = (120, 150, 190)
    assert describe_colours(colour_histogram(crop))[1] == "blue"


def test_a_crop_that_shows_nothing_but_clothes_has_their_colour() -> None:
    plain = np.full((120, 60, 3), CLOTHS["green"], np.uint8)
    assert describe_colours(colour_histogram(plain)) == ("green", "green")


def test_a_print_is_not_the_colour_of_a_shirt_that_fills_the_crop() -> None:
    """What has the colour of the sides is background, but not where that would leave next to nothing of the person."""
    crop = np.full((128, 64, 3), CLOTHS["black"], np.uint8)
    crop[36:48, 26:38] = CLOTHS["yellow"]
    assert describe_colours(colour_histogram(crop)) == ("black", "black")


def test_the_mirror_changes_nothing() -> None:
    crop = np.random.default_rng(0).integers(0, 255, (128, 48, 3), np.uint8)
    assert colour_histogram(crop[:, ::-1]) == pytest.approx(colour_histogram(crop), abs=1e-5)


@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 999))
def test_shares_sum_to_one_for_any_crop(height: int, width: int, seed: int) -> None:
    found = colour_histogram(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))
    assert found.shape == (2, 11) and found.dtype == np.float32
    assert (found >= 0).all() and found.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 3))])
def test_what_is_no_crop_is_refused(wrong: Image) -> None:
    with pytest.raises(ValueError, match="uint8"):
        colour_histogram(wrong)


def half(**shares: float) -> list[float]:
    return [shares.get(name, 0.0) for name in COLOURS]


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (half(blue=1.0), "blue"),
        (half(blue=0.6, white=0.4), "blue and white"),  # two thirds of the first
        (half(blue=0.61, white=0.39), "blue"),  # 0.639 of it
        (half(grey=0.4, black=0.3, white=0.3), "grey and black"),  # never three
        (half(red=0.5, pink=0.5), "red and pink"),
    ],
)
def test_the_second_colour_is_named_where_it_has_nearly_as_much(shares: list[float], expected: str) -> None:
    assert describe_colours(np.array([shares, half(brown=1.0)], np.float32)) == (expected, "brown")


def randoms(seed: int, count: int) -> Floats:
    return np.random.default_rng(seed).dirichlet(np.full(11, 0.3), (count, 2)).astype(np.float32)


@given(seed=st.integers(0, 999), count=st.integers(1, 9), scale=st.floats(0.01, 100))
def test_tracks_combine_what_their_crops_show(seed: int, count: int, scale: float) -> None:
    shown, rng = randoms(seed, count), np.random.default_rng(seed)
    weights = rng.random(count) + 0.01
    found = average_histograms(shown, weights.astype(np.float32))
    assert found == pytest.approx((shown * weights[:, None, None]).sum(axis=0) / weights.sum(), abs=1e-5)
    order = rng.permutation(count)
    assert average_histograms(shown[order], (scale * weights[order]).astype(np.float32)) == pytest.approx(
        found, abs=1e-5
    )
    assert average_histograms(shown, np.zeros(count, np.float32)) == pytest.approx(shown.mean(axis=0), abs=1e-5)


@pytest.mark.parametrize(("count", "weights"), [(0, []), (2, [1]), (2, [1, -1]), (1, [np.nan])])
def test_what_cannot_be_combined_is_refused(count: int, weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weight of 0 or more"):
        average_histograms(randoms(0, count), np.array(weights, np.float32))


def fairness(shown: Floats, person: list[str], camera: list[str]) -> float:
    """How often two crops of one person in two cameras are more alike than two of two people (half: pure chance)."""
    one, other = np.triu_indices(len(person), 1)
    across = np.array(camera)[one] != np.array(camera)[other]
    same = (np.array(person)[one] == np.array(person)[other])[across]
    likeness = alike(shown, shown)[one, other][across]
    differs = np.sort(likeness[~same])
    below, upto = (np.searchsorted(differs, likeness[same], side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / len(differs))


@pytest.mark.slow
def test_drawn_people_are_more_alike_to_themselves_in_another_camera() -> None:
    crops, person, camera = [], [], []
    for number in range(3):
        for shot in shots(SHORT, number, 1.0):
            for box, seen, name in zip(shot.rows.xyxy.astype(int), shot.rows.visibility, shot.rows.id, strict=True):
                x1, y1, x2, y2 = np.clip(box, 0, None)
                if seen > 0.9 and y2 - y1 >= 60:
                    crops.append(colour_histogram(shot.bgr[y1:y2, x1:x2]))
                    person.append(str(name))
                    camera.append(str(number))
    assert len(crops) > 60
    assert fairness(np.stack(crops), person, camera) > 0.85


@pytest.mark.shared
def test_real_people_are_more_alike_to_themselves_in_another_camera(shared: Path) -> None:
    shown, person, camera = [], [], []
    with tarfile.open(shared / "data" / "training" / "market1501_train.tar") as archive:
        for member in archive:
            if member.name.endswith(".jpg") and (file := archive.extractfile(member)):
                crop = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
                name = Path(member.name).name
                shown.append(colour_histogram(np.asarray(crop, np.uint8)))
                person.append(name[:4])
                camera.append(name[6])
            if len(shown) == 600:
                break
    assert fairness(np.stack(shown), person, camera) > 0.8
