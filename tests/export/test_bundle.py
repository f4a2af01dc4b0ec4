"""The zip: what is in it, that it is always the same, and that nothing is left behind when it cannot be made."""

import hashlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from core.base.errors import Cancelled, StoreError
from core.base.progress import Progress, Report
from core.export import verify_zip, write_zip
from core.export.images import DEEPER
from core.runs import Crop, Gallery, Sighting
from tests.export.making import UNSAFE, jpeg, mot, seen, some, unpacked


def test_what_is_in_it(tmp_path: Path) -> None:
    out = tmp_path / "new" / "g.zip"
    write_zip(some(), mot(tmp_path), out)
    content = unpacked(out)
    assert list(content) == [
        "README.txt",
        "report.html",
        "contact_sheet.jpg",
        "sightings.csv",
        "sightings.parquet",
        "candidates.csv",
        "people/P001/cam1_00-00-10.0_t0003.jpg",
        "people/P001/cam1_00-00-11.0_t0003.jpg",
        "people/P001/cam2_00-01-23.4_t0017.jpg",
        "people/P001/cam2_00-01-24.4_t0017.jpg",
        "people/P002/cam2_00-00-05.0_t0001.jpg",
        "people/P002/cam2_00-00-06.0_t0001.jpg",
        "people/P002/cam1_00-00-20.0_t0004.jpg",
        "people/P002/cam1_00-00-21.0_t0004.jpg",
        "people/P003/cam2_00-00-10.0_t0009.jpg",
        "people/P003/cam2_00-00-11.0_t0009.jpg",
        "tracks/cam1.txt",
        "tracks/cam2.txt",
        "manifest.json",
    ]
    assert content["tracks/cam1.txt"] == (tmp_path / "cam1.txt").read_bytes() and content["tracks/cam2.txt"] == b""
    words = content["README.txt"].decode()
    assert "Purpose: none was given\nTo be kept until: no date was given\n" in words
    assert "3 people, 5 sightings, 2 cameras." in words and "repeat the run" not in words
    assert "CANDIDATES UNTIL A PERSON CONFIRMS THEM" in words


def test_the_readme_says_how_to_make_it_again(tmp_path: Path) -> None:
    command = "python -m core run a.mp4 --like gallery.zip --out again"
    write_zip(some(about={"again": command}), mot(tmp_path), tmp_path / "g.zip")
    words = unpacked(tmp_path / "g.zip")["README.txt"].decode()
    assert f"\n    {command}\n" in words and "repeat the run" in words


def test_the_manifest_says_how_it_was_made(tmp_path: Path) -> None:
    write_zip(some(), mot(tmp_path), tmp_path / "g.zip", when="2025-06-01T10:00:00+0200")
    manifest, content = verify_zip(tmp_path / "g.zip"), unpacked(tmp_path / "g.zip")
    assert manifest.about == some().about and manifest.when == "2025-06-01T10:00:00+0200"
    assert manifest.blurred is True and manifest.matches == "candidates until somebody confirms them"
    assert manifest.digests == {n: hashlib.sha256(c).hexdigest() for n, c in content.items() if n != "manifest.json"}


def test_the_same_gallery_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = some(), Gallery(some().sightings[::-1], notes=some().notes, about=dict(reversed(some().about.items())))
    for name, gallery, when in (("a", one, None), ("b", other, None), ("c", one, "today")):
        write_zip(gallery, mot(tmp_path), tmp_path / name, when=when)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    dated, undated = unpacked(tmp_path / "c"), unpacked(tmp_path / "a")
    assert {name for name in dated if dated[name] != undated[name]} == {"manifest.json"}
    for info in zipfile.ZipFile(tmp_path / "c").infolist():
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert (info.compress_type == zipfile.ZIP_STORED) == info.filename.endswith((".jpg", "manifest.json"))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Crops within a tenth of a second, and cameras that differ in case alone: a disk may not tell them apart."""
    crops = tuple(Crop(10 + i / 100, 250 + i, jpeg(i)) for i in range(3))
    sightings = (seen("Cam", 1, 1, crops=0), Sighting("cam", 1, 1, 9, 11, crops=crops), seen("Cam", 2, 1, crops=1))
    tracks = {"cam": tmp_path / "a.txt", "CAM": tmp_path / "b.txt"}
    for number, path in enumerate(tracks.values()):
        path.write_text(str(number))
    write_zip(Gallery(sightings), tracks, tmp_path / "g.zip", blur=False)
    names = [name for name in unpacked(tmp_path / "g.zip") if "/" in name]
    assert names == [
        "people/P001/cam_00-00-10.0_t0001.jpg",
        "people/P001/cam_00-00-10.0_t0001_2.jpg",
        "people/P001/cam_00-00-10.0_t0001_3.jpg",
        "people/P001/Cam_00-00-10.0_t0002.jpg",
        "tracks/CAM.txt",
        "tracks/cam_2.txt",
    ]
    assert [unpacked(tmp_path / "g.zip")[name] for name in names[:3]] == [jpeg(i) for i in range(3)]


def test_names_that_a_user_typed_are_in_the_report_and_the_tables_alone(tmp_path: Path) -> None:
    write_zip(some(people=UNSAFE, remarks={2: "=1+1"}), mot(tmp_path), tmp_path / "g.zip")
    write_zip(some(), mot(tmp_path), tmp_path / "unnamed.zip")
    named, unnamed = unpacked(tmp_path / "g.zip"), unpacked(tmp_path / "unnamed.zip")
    assert list(named) == list(unnamed)
    told = {"report.html", "sightings.csv", "sightings.parquet", "manifest.json"}
    assert {name for name in named if named[name] != unnamed[name]} == told
    assert b",'=1+1\n" in named["sightings.csv"] and b"<bdi>=1+1</bdi>" in named["report.html"]
    assert b"<script>" not in named["report.html"]
    table = pd.read_parquet(io.BytesIO(named["sightings.parquet"]))
    assert set(table[table.person == "P002"].note) == {"=1+1"}
    assert b"script" not in named["manifest.json"] and b"../" not in named["manifest.json"]


def test_a_camera_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tracks: expected letters"):
        write_zip(some(), {"../x": tmp_path / "a"}, tmp_path / "g.zip")
    assert list(tmp_path.iterdir()) == []


def test_heads_are_covered_unless_asked_otherwise(tmp_path: Path) -> None:
    """In the pictures themselves, in the contact sheet and in the report."""
    write_zip(some(), {}, tmp_path / "a.zip")
    write_zip(some(), {}, tmp_path / "b.zip", blur=False)
    covered, plain = unpacked(tmp_path / "a.zip"), unpacked(tmp_path / "b.zip")
    name = "people/P001/cam1_00-00-10.0_t0003.jpg"
    assert plain[name] == jpeg(300)
    energy = [
        [float((cv2.Laplacian(part.astype(np.float64), cv2.CV_64F) ** 2).mean()) for part in (bgr[:high], bgr[-high:])]
        for bgr in (cv2.imdecode(np.frombuffer(c[name], np.uint8), 1) for c in (plain, covered))
        for high in [int(bgr.shape[0] * DEEPER)]
    ]
    assert energy[0][0] > 300 * energy[1][0] and energy[0][1] < 1.5 * energy[1][1]
    assert covered["contact_sheet.jpg"] != plain["contact_sheet.jpg"]
    assert (
        b"blurred where the program finds or expects them" in covered["report.html"]
        and b"faces may be seen" in plain["report.html"]
    )
    assert json.loads(plain["manifest.json"])["blurred"] is False


def test_parquet_equals_csv(tmp_path: Path) -> None:
    write_zip(some(), {}, tmp_path / "g.zip")
    content = unpacked(tmp_path / "g.zip")
    as_csv = pd.read_csv(io.BytesIO(content["sightings.csv"]), keep_default_na=False, na_values={"similarity": [""]})
    as_parquet = pd.read_parquet(io.BytesIO(content["sightings.parquet"]))
    pd.testing.assert_frame_equal(as_csv, as_parquet, check_dtype=False)
    assert list(as_csv.columns)[-4:] == ["upper", "lower", "name", "note"] and len(as_csv) == 5


def test_an_empty_gallery_says_that_nobody_was_found(tmp_path: Path) -> None:
    write_zip(Gallery(), {}, tmp_path / "g.zip")
    content = unpacked(tmp_path / "g.zip")
    assert verify_zip(tmp_path / "g.zip").people == 0
    assert b"Nobody was found" in content["README.txt"] and b"Nobody was found" in content["report.html"]
    assert len(pd.read_parquet(io.BytesIO(content["sightings.parquet"]))) == 0
    assert cv2.imdecode(np.frombuffer(content["contact_sheet.jpg"], np.uint8), 1).shape[1] == 1200


class Lent(bytes):
    """Bytes that are counted as long as they live."""

    alive = most = 0

    def __new__(cls, content: bytes) -> "Lent":
        Lent.alive += 1
        Lent.most = max(Lent.most, Lent.alive)
        return super().__new__(cls, content)

    def __del__(self) -> None:
        Lent.alive -= 1


class Shelf:
    """A picture that counts how often it is read."""

    def __init__(self, seed: int, reads: Counter[int]) -> None:
        self._seed, self._reads = seed, reads

    def read_bytes(self) -> bytes:
        self._reads[self._seed] += 1
        return Lent(jpeg(self._seed))


@pytest.mark.slow
@pytest.mark.parametrize("blur", [True, False])
def test_crops_are_read_one_by_one(tmp_path: Path, blur: bool) -> None:
    reads: Counter[int] = Counter()
    sightings = [
        Sighting(
            "cam", track, track % 9 + 1, 0, 9, crops=tuple(Crop(i, i, Shelf(5 * track + i, reads)) for i in range(5))
        )
        for track in range(30)
    ]
    Lent.most = 0
    write_zip(Gallery(tuple(sightings)), {}, tmp_path / "g.zip", blur=blur)
    assert len(reads) == 150 and max(reads.values()) <= 3  # for the report, for the sheet, and as it is
    assert Lent.most == 1 and Lent.alive == 0


def test_progress_goes_to_the_end(tmp_path: Path) -> None:
    told: list[Report] = []
    write_zip(some(), {}, tmp_path / "g.zip", progress=Progress(told.append, every=0))
    assert [report.done for report in told] == list(range(told[-1].total + 1))
    assert told[-1].total == 30 and {report.stage for report in told} == {"export"}  # ten crops, three times


@pytest.mark.parametrize("after", [0, 7, 15, 29])
def test_a_cancel_leaves_no_half_file(tmp_path: Path, after: int) -> None:
    asked = iter(range(100))
    (tmp_path / "g.zip").write_bytes(b"an older one")
    with pytest.raises(Cancelled):
        write_zip(some(), {}, tmp_path / "g.zip", progress=Progress(is_cancelled=lambda: next(asked) >= after))
    assert [path.name for path in tmp_path.iterdir()] == ["g.zip"]
    assert (tmp_path / "g.zip").read_bytes() == b"an older one"


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 10_000, 100_000])
def test_a_full_disk_leaves_no_half_file(tmp_path: Path, size: int) -> None:
    tracks = mot(tmp_path)
    tracks["cam1"].write_bytes(np.random.default_rng(0).bytes(200_000))
    with full_disk(size), pytest.raises(StoreError, match=r"g\.zip cannot be written .* nothing is lost"):
        write_zip(some(), tracks, tmp_path / "g.zip")
    assert {path.suffix for path in tmp_path.iterdir()} == {".txt"}


@pytest.mark.parametrize("content", [None, b"", b"\xff\xd8 and no more", b"\x89PNG"])
def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "crop.jpg"
    if content is not None:
        path.write_bytes(content)
    gallery = Gallery((Sighting("cam1", 1, 1, 0, 1, crops=(Crop(0, 7, path),)),))
    with pytest.raises(StoreError, match="crop.jpg cannot be read" if content is None else "frame 7 is damaged"):
        write_zip(gallery, {}, tmp_path / "g.zip")
    assert not (tmp_path / "g.zip").exists()


def test_tracks_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"gone\.txt cannot be read"):
        write_zip(some(), {"cam1": tmp_path / "gone.txt"}, tmp_path / "g.zip")
    assert list(tmp_path.iterdir()) == []
