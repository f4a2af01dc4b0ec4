"""Faces in crops of people, as one more cue for who is who: OpenCV's YuNet finds them, its SFace describes them.

Both are files that the user brings; nothing is downloaded. Both are recognised by their names and by what they answer
to an empty picture: OpenCV's own classes open them, and no other network has these outputs.

A face counts from `MIN_FACE_PX` pixels on: below that, SFace sees little but interpolated pixels. Vectors of faces are
compared among the tracks of one run, and with nothing else: not with a photo, not with a list, not with another case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.base.errors import WeightsError
from core.base.types import Floats, Image
from core.vision.models import model_digest, weight_folders

MIN_FACE_PX = 32
"""Width or height, whichever is less, of a face that means something."""
DIMENSION = 128
DETECTOR_FILES, RECOGNISER_FILES = "face_detection_yunet*.onnx", "face_recognition_sface*.onnx"
_MIN_SCORE, _NMS_IOU, _MOST = 0.7, 0.3, 20
_SIDE_PX = 320
_PUT_FILES = f"Put {DETECTOR_FILES} and {RECOGNISER_FILES}, of OpenCV's model zoo, into the folder of weights."


@dataclass(frozen=True)
class FaceModels:
    """The files of the two networks, and their SHA-256."""

    detector: Path
    recogniser: Path
    digests: tuple[str, str]


def find_face_models() -> FaceModels:
    """The files in the folders of weights, the last by name where there are several; `WeightsError` without them."""
    if missing := face_models_missing():
        raise WeightsError("faces cannot be compared", missing)
    detector, recogniser = (_files(pattern)[-1] for pattern in (DETECTOR_FILES, RECOGNISER_FILES))
    return FaceModels(detector, recogniser, (model_digest(detector), model_digest(recogniser)))


def face_models_missing() -> str:
    """What to do where one of the files is not there; empty where both are."""
    is_missing = not all(map(_files, (DETECTOR_FILES, RECOGNISER_FILES)))
    return f"{_PUT_FILES} Sightline downloads neither." if is_missing else ""


def _files(pattern: str) -> list[Path]:
    return [path for folder in weight_folders() for path in sorted(folder.glob(pattern))]


class FaceCue:
    """The two networks, open."""

    def __init__(self, models: FaceModels) -> None:
        import cv2

        try:
            self._detector = cv2.FaceDetectorYN.create(
                str(models.detector), "", (_SIDE_PX, _SIDE_PX), _MIN_SCORE, _NMS_IOU, _MOST
            )
            self._detector.detect(np.zeros((_SIDE_PX, _SIDE_PX, 3), np.uint8))
        except cv2.error as fault:
            raise WeightsError(f"{models.detector.name} is no YuNet", _PUT_FILES) from fault
        try:
            self._recogniser = cv2.FaceRecognizerSF.create(str(models.recogniser), "")
            shape = self._recogniser.feature(np.zeros((112, 112, 3), np.uint8)).shape
        except cv2.error as fault:
            raise WeightsError(f"{models.recogniser.name} is no SFace", _PUT_FILES) from fault
        if shape != (1, DIMENSION):
            raise WeightsError(f"{models.recogniser.name} is no SFace", _PUT_FILES)

    def describe(self, crops: Sequence[Image]) -> Floats:
        """For each crop (BGR) the vector of its face, as long as the face is large in pixels: (n, 128).

        Zeros where there is no face or none that is large enough. Of several, the one highest up is the person's own.
        """
        rows = [self._describe(crop) for crop in crops]
        return np.array(rows, np.float32).reshape(-1, DIMENSION)

    def _describe(self, crop: Image) -> Floats:
        height, width = crop.shape[:2]
        none = np.zeros(DIMENSION, np.float32)
        if min(height, width) < MIN_FACE_PX:
            return none
        self._detector.setInputSize((width, height))
        _, found = self._detector.detect(crop)
        if found is None:
            return none
        faces = found[(found[:, 2:4] >= MIN_FACE_PX).all(axis=1)]
        if not len(faces):
            return none
        face = faces[np.argmin(faces[:, 1])]
        vector = self._recogniser.feature(self._recogniser.alignCrop(crop, face)).ravel().astype(np.float32)
        length = float(np.linalg.norm(vector))
        return vector * (float(face[2:4].min()) / length) if np.isfinite(length) and length > 0 else none
