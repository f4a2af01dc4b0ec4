"""The listing of labelled CCTV frames is whole, and becomes a data set that `evaluate detector` can read."""

import io
import tarfile
from pathlib import Path

import cv2
import numpy as np

from core.lab.training import labelled_pictures
from tests.bench.labelled_frames import LISTING, read_listing, write_dataset


def test_every_frame_of_the_listing_has_boxes_with_an_area() -> None:
    frames = read_listing(LISTING)
    boxes = [box for boxes in frames.values() for box in boxes]
    assert (len(frames), len(boxes)) == (60, 254)
    assert all(min(left, top) >= 0 and min(width, height) > 5 for left, top, width, height in boxes)
    assert frames["room_hall/cam1.mp4", "30"] == []


def test_pictures_and_frames_of_films_get_their_labels(tmp_path: Path) -> None:
    footage = tmp_path / "footage"
    (footage / "training").mkdir(parents=True)
    picture = np.full((50, 100, 3), 200, np.uint8)
    content = cv2.imencode(".png", picture)[1].tobytes()
    with tarfile.open(footage / "training" / "people_pictures.tar", "w") as archive:
        member = tarfile.TarInfo("people_pictures/images/cctv/a.jpg")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    film = cv2.VideoWriter(str(footage / "b.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(4):
        film.write(np.full((48, 64, 3), 60 * number, np.uint8))
    film.release()
    listing = tmp_path / "frames.csv"
    listing.write_text("source,frame,left,top,width,height\ncctv/a.jpg,-,10,5,20,30\nb.avi,2,,,,\n", encoding="utf-8")

    assert write_dataset(listing, footage, tmp_path / "set") == 2
    (path, grey, nobody), (_, light, person) = labelled_pictures(tmp_path / "set" / "images")
    assert path.name == "b_avi_2.png" and nobody.shape == (0, 4)
    assert abs(grey.mean() - 120) < 3 and light.mean() == 200
    np.testing.assert_allclose(person, [[10, 5, 30, 35]], atol=0.01)
