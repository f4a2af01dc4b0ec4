"""Faces, by stand-ins that OpenCV's own classes load: found, measured, refused where too small, no other files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.base.errors import WeightsError
from core.base.types import Tracklets
from core.vision.face import DIMENSION, MIN_FACE_PX, FaceCue, FaceModels, face_models_missing, find_face_models
from core.vision.match import cosine_similarity, match
from core.vision.match.similarity import FACE_SHARE, lean_on_faces
from core.vision.models import EmbedderPrior
from tests.vision.face_standins import FACE_PX, write_sface, write_yunet

RED, PURPLE, GREEN = (0, 10, 230), (150, 10, 230), (10, 230, 10)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaceModels:
    monkeypatch.setenv("SIGHTLINE_WEIGHTS", str(tmp_path))
    write_yunet(tmp_path / "face_detection_yunet_2023mar.onnx")
    write_sface(tmp_path / "face_recognition_sface_2021dec.onnx")
    return find_face_models()


def crop(*head: int, height: int = 160, width: int = 70) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = np.full((height, width, 3), 60, np.uint8)
    picture[:64, :64] = head
    return picture


def test_faces_are_found_and_described(models: FaceModels) -> None:
    found = FaceCue(models).describe([crop(*RED), crop(*PURPLE), crop(*RED, height=241, width=99), crop(60, 60, 60)])
    assert found.shape == (4, DIMENSION) and not found[3].any()
    # As long as the face is large.
    assert np.linalg.norm(found[0]) == pytest.approx(FACE_PX[32], rel=1e-3)
    unit = found[:3] / np.linalg.norm(found[:3], axis=1, keepdims=True)
    assert unit[0] @ unit[2] > unit[0] @ unit[1]


def test_a_face_that_is_too_small_counts_as_none(models: FaceModels) -> None:
    assert FACE_PX[16] < MIN_FACE_PX <= FACE_PX[32]
    assert not FaceCue(models).describe([crop(*GREEN), crop(*RED)[:20, :20]]).any()


def test_without_the_files_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_WEIGHTS", str(tmp_path))
    write_yunet(tmp_path / "face_detection_yunet_2023mar.onnx")
    assert "face_recognition_sface" in face_models_missing()
    with pytest.raises(WeightsError, match="faces cannot be compared"):
        find_face_models()


@pytest.mark.parametrize("wrong", ["detector", "recogniser", "short", "text"])
def test_other_networks_are_refused(wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_WEIGHTS", str(tmp_path))
    yunet, sface = tmp_path / "face_detection_yunet.onnx", tmp_path / "face_recognition_sface.onnx"
    (write_sface if wrong == "detector" else write_yunet)(yunet)
    (write_yunet if wrong == "recogniser" else write_sface)(sface)
    if wrong == "short":
        write_sface(sface, 64)
    if wrong == "text":
        sface.write_text("no network")
    with pytest.raises(WeightsError, match=r"is no (YuNet|SFace)"):
        FaceCue(find_face_models())


def test_faces_tip_the_balance_and_never_outvote() -> None:
    rng = np.random.default_rng(0)
    similarity, faces = (rng.uniform(-1, 1, (50, 50)).astype(np.float32) for _ in range(2))
    moved = lean_on_faces(similarity, faces)
    assert (np.abs(moved - similarity) <= FACE_SHARE + 1e-6).all() and (np.abs(moved) <= 1).all()
    assert (lean_on_faces(similarity, np.full_like(faces, np.nan)) == similarity).all()
    # The order of two pairs that appearance tells apart stays, whatever faces say.
    first, second = np.float32([[0.8]]), np.float32([[0.55]])
    assert lean_on_faces(first, np.float32([[-1]])) > lean_on_faces(second, np.float32([[1]]))


def test_a_face_joins_whom_appearance_leaves_open_and_nobody_else() -> None:
    prior = EmbedderPrior(0.3, 0.25, 0.7)
    vectors = np.float32([[1, 0, 0], [0.69, 0.7238, 0], [-1, 0, 0]])
    found = Tracklets(np.arange(3), np.arange(1, 4), np.arange(3.0), np.arange(3.0) + 1, vectors)
    unknown = np.full((3, 3), np.nan, np.float32)
    same = unknown.copy()
    same[0, 1] = same[1, 0] = same[0, 2] = same[2, 0] = 0.9
    assert cosine_similarity(found)[0, 1] == pytest.approx(0.69, abs=1e-3)
    assert match(found, prior, 0.7, face_similarity=unknown).people().person.tolist() == [1, 2, 3]
    assert match(found, prior, 0.7, face_similarity=same).people().person.tolist() == [1, 1, 3]
    other = unknown.copy()
    other[0, 1] = other[1, 0] = -0.5
    assert match(found, prior, 0.66, face_similarity=other).people().person.tolist() == [1, 2, 3]
