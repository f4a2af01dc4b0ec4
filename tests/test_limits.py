"""Small files that would take all memory, disk or time are refused, and the message names the limit."""

import io
import json
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.base.errors import ClipError, RegionError, SettingsError, SightlineError, StoreError, TruthError
from core.base.settings import VideoSettings
from core.base.types import Image
from core.export import load_picture
from core.machine.settings_file import read_settings
from core.review import load_review
from core.runs import Crop, load_evidence, load_tracks, read_photo
from core.runs.tables import load_timelines
from core.vision import mot
from core.vision.mot import read_mot
from core.vision.regions import read_regions
from core.vision.video import jpeg, plan, preview_frames, probe, read, read_list, still
from core.workspace import backup, services
from core.workspace.backup import restore
from tests.vision.video.making import blank_png, write_clip, write_pngs

DEEP = "[" * 200_000 + "]" * 200_000


@pytest.fixture(autouse=True)
def own_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))


def polygon(points: int) -> list[list[float]]:
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([0.5 + 0.4 * np.cos(angles), 0.5 + 0.4 * np.sin(angles)], axis=1).tolist()


def region_file(*shapes: list[list[float]]) -> bytes:
    regions = [{"kind": "polygon", "points": points} for points in shapes]
    return json.dumps({"format": "sightline-regions", "version": 1, "regions": regions}).encode()


@pytest.mark.parametrize(
    ("content", "limit"),
    [
        (region_file(polygon(40_000)), "at most 1,000"),
        (region_file(*[polygon(3)] * 300), "at most 200"),
        ("\n".join(f"{x},{y}" for x, y in polygon(40_000)).encode(), "at most 1,000"),
        (b'{"format": "sightline-regions", "version": 1, "regions": ' + DEEP.encode() + b"}", "this JSON cannot"),
        (b" " * (5 << 20), "at most 4.2 MB"),
    ],
    ids=["points", "regions", "lines", "deep", "bytes"],
)
def test_a_region_file_has_a_limit(content: bytes, limit: str) -> None:
    tracemalloc.start()
    with pytest.raises(RegionError, match=limit):
        read_regions(content, "regions.json", 640, 480)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000


def test_regions_of_the_most_points_are_tested_in_bounded_memory() -> None:
    from core.vision.regions import inside

    regions = read_regions(region_file(polygon(1_000)), "r", 640, 480)
    boxes = np.tile(np.array([[310, 200, 330, 240], [0, 0, 5, 5]], np.float64), (1_500, 1))
    tracemalloc.start()
    counts = inside(regions, boxes, 640, 480)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counts.tolist() == [True, False] * 1_500 and peak < 200_000_000


@pytest.mark.parametrize("size", [(20_000, 20_000), (10_000, 9_000)])
def test_a_picture_too_large_for_a_clip_is_refused_in_words(size: tuple[int, int], tmp_path: Path) -> None:
    """Pages show an error of this kind beside the other clips, with a button that removes the clip."""
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(blank_png(64, 48))
    clip = probe(tmp_path)
    huge = blank_png(*size)
    (tmp_path / "1.png").write_bytes(huge)
    for look in (preview_frames, lambda clip: still(clip, 1)):
        with pytest.raises(ClipError, match=r"1\.png has more pixels than the 80,000,000"):
            look(clip)
    (tmp_path / "0.png").write_bytes(huge)
    with pytest.raises(ClipError, match=r"0\.png has more pixels than the 80,000,000"):
        probe(tmp_path)


def test_pictures_that_are_links_out_of_their_folder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    (tmp_path / "passport.png").write_bytes(blank_png(64, 48))
    (folder / "0.png").write_bytes(blank_png(64, 48))
    (folder / "1.png").symlink_to("0.png")
    assert probe(folder).frames == 2
    (folder / "2.png").symlink_to("../passport.png")
    with pytest.raises(ClipError, match=r"2\.png is a link that leads out"):
        probe(folder)


SCRIPTS = {
    "ffconcat": "ffconcat version 1.0\nfile a.mp4\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\na.ts\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>',
    "subtitles": "1\n00:00:01,000 --> 00:00:02,000\nhello\n",
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_scripts_that_name_other_files_are_no_recordings(kind: str, tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", range(10))
    write_clip(tmp_path / "a.ts", range(10))
    (tmp_path / "list.mp4").write_text(SCRIPTS[kind])
    with pytest.raises(ClipError, match=r"list\.mp4 is not (in a format|a video)"):
        probe(tmp_path / "list.mp4")


def test_a_photo_is_measured_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    def refuse(*_: object) -> Image:
        raise AssertionError("it was decoded")

    (tmp_path / "photo.png").write_bytes(blank_png(20_000, 20_000))
    monkeypatch.setattr(cv2, "imdecode", refuse)
    with pytest.raises(ClipError, match="more pixels than the 80,000,000"):
        read_photo(tmp_path / "photo.png")


def test_a_crop_that_claims_a_huge_size_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    def refuse(*_: object) -> Image:
        raise AssertionError("it was decoded")

    content = bytearray(jpeg(np.zeros((8, 8, 3), np.uint8), 80))
    size = content.index(b"\xff\xc0") + 5
    content[size : size + 4] = struct.pack(">HH", 60_000, 60_000)
    monkeypatch.setattr(cv2, "imdecode", refuse)
    with pytest.raises(ClipError, match="more pixels than the 80,000,000"):
        load_picture(Crop(1.0, 25, bytes(content)), blur=True)


def test_a_video_of_huge_frames_is_refused_by_its_header(tmp_path: Path) -> None:
    path = write_pngs(tmp_path / "a.mov", [blank_png(16_000, 16_000)], 16_000, 16_000)
    with pytest.raises(ClipError, match="more than the 40,000,000 pixels"):
        probe(path)


def test_a_video_whose_header_hides_huge_frames_is_refused(tmp_path: Path) -> None:
    path = write_pngs(tmp_path / "a.mov", [blank_png(16_000, 16_000)], 64, 48)
    with pytest.raises(ClipError, match="more than the 40,000,000 pixels"):
        probe(path)


def archive(path: Path, entries: dict[str, bytes], packed: bool = True) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def test_a_backup_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"case.json": b"{}", "run/out/x": bytes(80 << 20)})
    with pytest.raises(StoreError, match="200 times"):
        restore(services(), path)


def test_a_backup_of_too_many_entries_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "BACKUP_ENTRIES", 1_000)
    path = archive(tmp_path / "a.zip", {"case.json": b"{}"} | {f"run/{n}": b"" for n in range(1_500)})
    with pytest.raises(StoreError, match="1,501 files, and at most 1,000"):
        restore(services(), path)


def test_a_log_in_a_backup_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "RECORD_BYTES", 1_000)
    path = archive(tmp_path / "a.zip", {"case.json": b"{}", "log.jsonl": bytes(2_000)})
    with pytest.raises(StoreError, match=r"log\.jsonl in it is too large"):
        restore(services(), path)


def test_an_entry_that_is_more_than_it_says_is_not_written_to_the_end(tmp_path: Path) -> None:
    """The sizes that an archive states decide whether there is room for it."""
    path = archive(tmp_path / "a.zip", {"case.json": b"{}", "log.txt": bytes(3 << 20)}, packed=False)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as file:
        size = file.getinfo("log.txt").file_size.to_bytes(4, "little")
    path.write_bytes(content.replace(size * 2, size + (5).to_bytes(4, "little")))
    with pytest.raises(StoreError):
        restore(services(), path)


def test_a_mot_text_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mot, "MOT_ROWS", 1_000)
    (tmp_path / "a.txt").write_text("1,1,2,3,4,5\n" * 1_001)
    with pytest.raises(TruthError, match="1,001 rows, and at most 1,000"):
        read_mot(tmp_path / "a.txt")
    with (tmp_path / "b.txt").open("wb") as file:
        file.truncate((1 << 30) + 1)
    with pytest.raises(TruthError, match=r"at most 536\.9 MB"):
        read_mot(tmp_path / "b.txt")


def test_a_mot_text_is_read_in_little_memory(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("17,3,2.5,3,4,5\n" * 5_000)
    tracemalloc.start()
    rows = read_mot(tmp_path / "a.txt")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(rows) == 5_000 and peak < 400 * len(rows)


@pytest.mark.parametrize("name", ["review.json", "a.recordings", "sightline.toml"])
def test_what_is_nested_deeply_is_an_error_in_words(name: str, tmp_path: Path) -> None:
    read = {"review.json": load_review, "a.recordings": read_list, "sightline.toml": read_settings}[name]
    (tmp_path / name).write_text(f"a = {DEEP}" if name.endswith("toml") else DEEP)
    with pytest.raises(SightlineError) as fault:
        read(tmp_path / name)
    assert sys.getrecursionlimit() <= 3_000 and fault.value.remedy


def test_a_settings_file_has_a_limit(tmp_path: Path) -> None:
    (tmp_path / "sightline.toml").write_bytes(b"# " * (1 << 20))
    with pytest.raises(SettingsError, match=r"at most 1\.0 MB"):
        read_settings(tmp_path / "sightline.toml")


def test_an_array_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**13,)}
    np.lib.format.write_array_header_1_0(content, header)
    archive(tmp_path / "tracklets.npz", {f"{name}.npy": content.getvalue() for name in ("camera", "track")})
    with pytest.raises(StoreError, match=r"tracklets\.npz cannot be read"):
        load_evidence(tmp_path)


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    for name in ("tracks", "frames"):
        pq.write_table(pa.table({"camera": ["a"], "frame": ["no number"]}), tmp_path / f"{name}.parquet")
    for load in (lambda: load_tracks(tmp_path, "a"), lambda: load_timelines(tmp_path)):
        with pytest.raises(StoreError, match="cannot be read"):
            load()


def test_a_picture_that_is_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(blank_png(64, 48))
    (tmp_path / "1.png").symlink_to("1.png")
    with pytest.raises(ClipError, match=r"1\.png is a link that leads out"):
        probe(tmp_path)


@pytest.mark.parametrize(("size", "waiting"), [((1920, 1080), 8), ((3840, 2160), 8), ((7680, 4320), 2)])
def test_large_pictures_wait_in_small_numbers(tmp_path: Path, size: tuple[int, int], waiting: int) -> None:
    clip = probe(write_clip(tmp_path / "a.mp4", range(3)))
    with read(clip, plan(clip, VideoSettings(fps=0)), scale_to=size) as pictures:
        assert pictures._frames._slots == waiting
        assert next(pictures).bgr.shape == (size[1], size[0], 3)
