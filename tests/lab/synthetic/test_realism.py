"""Networks that learnt from real people take these for people, and find them again across cameras; not too easily."""

from pathlib import Path

import numpy as np
import pytest

from core.base.settings import DetectSettings
from core.lab.synthetic import SampleSettings
from core.vision.detect import open_detector
from core.vision.embed import open_embedder
from core.vision.models import find
from tests.lab.synthetic.footage import overlap, shots

SETTINGS = SampleSettings(seconds=15.0)
EVERY = 0.6
TALL, SEEN, SURE, RIGHT = 60, 0.5, 0.25, 0.5


@pytest.mark.shared
def test_a_detector_finds_most_people(shared: Path) -> None:
    model = find(str(shared / "weights" / "yolov8n_int8_openvino_model"), "detector")
    detector = open_detector(model, DetectSettings(size=640))
    found = asked = wrong = 0
    for camera in range(3):
        pictures = shots(SETTINGS, camera, EVERY)
        for shot, boxes in zip(pictures, detector.detect([shot.bgr for shot in pictures]), strict=True):
            given = boxes.xyxy[boxes.score >= SURE].astype(np.float64)
            rows = shot.rows
            counts = (rows.xyxy[:, 3] - rows.xyxy[:, 1] > TALL) & (rows.visibility >= SEEN)
            shared_area = overlap(rows.xyxy, given)
            found += int((shared_area[counts].max(1, initial=0) >= RIGHT).sum())
            asked += int(counts.sum())
            wrong += int((shared_area.max(0, initial=0) < 0.1).sum())
    assert asked >= 200
    assert 0.85 <= found / asked <= 0.98
    assert wrong <= 0.02 * asked  # and takes next to nothing else on the plaza for a person


@pytest.mark.shared
def test_an_embedder_tells_them_apart_across_cameras_but_not_always(shared: Path) -> None:
    embedder = open_embedder(find(str(shared / "weights" / "person-reidentification-retail-0287"), "embedder"))
    crops, who, where = [], [], []
    for camera in range(3):
        for shot in shots(SETTINGS, camera, EVERY):
            for number, seen, box in zip(shot.rows.id, shot.rows.visibility, shot.rows.xyxy.astype(int), strict=True):
                if seen >= SEEN and box[3] - box[1] > TALL:
                    crops.append(shot.bgr[box[1] : box[3], box[0] : box[2]])
                    who.append(int(number))
                    where.append(camera)
    vectors, people, cameras = embedder.embed(crops), np.array(who), np.array(where)
    alike = vectors @ vectors.T
    right = []
    for row in range(len(crops)):
        others = np.flatnonzero(cameras != cameras[row])
        if (people[others] == people[row]).any():
            right.append(people[others[alike[row, others].argmax()]] == people[row])
    assert len(right) >= 100
    assert 0.60 <= np.mean(right) <= 0.95
