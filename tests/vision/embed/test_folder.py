"""A folder of pictures: which files count, what they are called, and the file that is written."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.errors import ClipError, StoreError
from core.base.types import Floats, Image
from core.vision.embed import FolderFeatures, embed_folder, save_features


class MeanColour:
    name, dimension, backend, digest = "mean colour", 3, "test", "0"

    def embed(self, crops: Sequence[Image]) -> Floats:
        means = np.array([crop.mean((0, 1)) for crop in crops], np.float32).reshape(-1, 3)
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def picture(path: Path, bgr: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(path.suffix, np.full((8, 4, 3), bgr, np.uint8))
    assert done
    path.write_bytes(data.tobytes())


@pytest.fixture
def people(tmp_path: Path) -> Path:
    root = tmp_path / "people"
    picture(root / "b" / "1.png", (0, 0, 200))
    picture(root / "a" / "2.PNG".lower(), (0, 200, 0))
    picture(root / "a" / "ä 1.bmp", (200, 0, 0))
    (root / "a" / "3.jpg").write_bytes(b"no picture")
    (root / "a" / "4.jpg").write_bytes(b"")
    (root / "notes.txt").write_text("hello", encoding="utf-8")
    return root


def test_pictures_are_found_named_and_sorted(people: Path) -> None:
    told: list[tuple[int, int]] = []
    found = embed_folder(people, MeanColour(), lambda done, total: told.append((done, total)))
    assert found.names == ("people/a/2.png", "people/a/ä 1.bmp", "people/b/1.png")
    assert found.features.dtype == np.float32
    np.testing.assert_allclose(found.features, [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    assert found.skipped == 1
    assert found.unreadable == ("people/a/3.jpg", "people/a/4.jpg")
    assert told == [(5, 5)]


def test_an_empty_folder_gives_an_empty_array(tmp_path: Path) -> None:
    found = embed_folder(tmp_path, MeanColour())
    assert found.names == () and found.features.shape == (0, 3)


def test_no_folder_is_an_error(people: Path) -> None:
    for path in (people / "nowhere", people / "notes.txt"):
        with pytest.raises(ClipError, match="is no folder"):
            embed_folder(path, MeanColour())


def test_many_pictures_keep_their_rows(tmp_path: Path) -> None:
    """More than are read at once."""
    for number in range(300):
        picture(tmp_path / "p" / f"{number:03}.bmp", (number % 256, 255 - number % 256, 7))
    found = embed_folder(tmp_path / "p", MeanColour())
    assert found.names[299] == "p/299.bmp"
    expected = np.array([299 % 256, 255 - 299 % 256, 7])
    np.testing.assert_allclose(found.features[299], expected / np.linalg.norm(expected), atol=1e-6)


@pytest.mark.parametrize("names", [(), ("a/ä.png", "b/2.png")])
def test_what_is_saved_reads_back_without_pickles(tmp_path: Path, names: tuple[str, ...]) -> None:
    features = np.eye(3, dtype=np.float32)[: len(names)]
    target = tmp_path / "new" / "features.npz"
    save_features(target, FolderFeatures(names, features))
    with np.load(target, allow_pickle=False) as held:
        assert tuple(held["names"].tolist()) == names
        np.testing.assert_array_equal(held["features"], features)
        assert held["features"].dtype == np.float32
    assert [path.name for path in target.parent.iterdir()] == ["features.npz"]


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be written"):
        save_features(tmp_path / "taken" / "x.npz", FolderFeatures((), np.empty((0, 3), np.float32)))
