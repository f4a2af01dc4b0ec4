"""The first look at a clip: stills spread over it, what they are like, and what a user is told of it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.types import Image
from core.machine.paths import cache_dir
from core.vision.video import advice_for, clip_notes, is_fragmented, measure, preview_frames, probe, small_people_notes
from core.workspace import media as strips
from core.workspace.media import strip_of
from tests.vision.video.making import drawn, shown_number, turn, write_clip


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))


def scene(sigma: float = 0.0, gain: float = 1.0) -> Image:
    """A picture with detail of every size, as footage has, blurred or darkened."""
    noise = np.random.default_rng(3)
    sizes = (6, 24, 96, 384)
    parts = [cv2.resize(noise.random((n * 9 // 16 + 1, n), np.float32), (640, 360)) for n in sizes]
    bgr = cv2.merge([np.uint8(255 * gain * np.mean(parts, axis=0))] * 3)
    return np.asarray(cv2.GaussianBlur(bgr, (0, 0), sigma) if sigma else bgr)


def told(*pictures: Image, folder: Path) -> str:
    clip = probe(write_clip(folder / "a.mp4", range(5)))
    return " ".join(note.message for note in clip_notes(clip, [measure(bgr) for bgr in pictures]))


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (scene(), ""),
        (scene(sigma=1), ""),
        (scene(sigma=4), "blurred"),
        (scene(gain=0.2), "very dark"),
        (np.full((360, 640, 3), 120, np.uint8), "almost no contrast"),
        (np.zeros((360, 640, 3), np.uint8), "All sampled frames are black"),
    ],
    ids=["sharp", "soft", "blurred", "dark", "covered", "black"],
)
def test_what_pictures_are_like(picture: Image, said: str, tmp_path: Path) -> None:
    words = told(*[picture] * 6, folder=tmp_path).replace("The picture is only 64 pixels high, so people are small", "")
    assert (said in words) if said else "The pictures" not in words


def test_the_black_part_is_told_and_the_rest_is_judged_alone(tmp_path: Path) -> None:
    words = told(np.zeros((360, 640, 3), np.uint8), *[scene()] * 5, folder=tmp_path)
    assert "1 of 6 sampled frames are black" in words
    assert "very dark" not in words and "blurred" not in words


def test_everything_told_says_what_to_do(tmp_path: Path) -> None:
    uneven = probe(write_clip(tmp_path / "a.mp4", [0, 1, 2, 5, 6, 7, 12, 14, 19, 40]))
    notes = clip_notes(uneven, [measure(scene(sigma=4))])
    assert len(notes) >= 3 and all(note.remedy for note in notes)
    for words in (
        "The header announces 3 frames, the file holds 2.",
        "2 of 9 packets are damaged: x",
        "The first 2 frames x",
    ):
        assert advice_for(words)


def test_a_fragmented_file_is_told_from_a_whole_one(tmp_path: Path) -> None:
    pieces = write_clip(tmp_path / "b.mp4", range(5), muxer={"movflags": "frag_keyframe+empty_moov"})
    whole = write_clip(tmp_path / "a.mp4", range(5))
    other = write_clip(tmp_path / "c.mkv", range(5))
    assert [is_fragmented(path) for path in (pieces, whole, other, tmp_path)] == [True, False, False, False]
    assert "in pieces" in " ".join(note.message for note in clip_notes(probe(pieces), []))


def test_people_too_small_are_told_from_what_was_found() -> None:
    assert small_people_notes(np.empty(0, np.float32)) == []
    assert small_people_notes(np.array([30, 48, 90], np.float32)) == []
    assert "usually 30" in small_people_notes(np.array([20, 30, 90], np.float32))[0].message


def test_glimpses_are_spread_over_the_clip_and_shown_as_they_are(tmp_path: Path) -> None:
    clip = probe(write_clip(tmp_path / "a.mp4", range(120), options={"g": "30"}))
    seen = preview_frames(clip)
    assert [g.seconds for g in seen] == pytest.approx([0.4, 1.2, 2.0, 2.8, 3.6, 4.4], abs=0.05)
    assert all(abs(shown_number(g.bgr) - 25 * g.seconds) < 1 for g in seen)
    turned = probe(turn(write_clip(tmp_path / "b.mp4", range(12)), 90))
    assert preview_frames(turned)[0].bgr.shape == (128, 64, 3)


def test_glimpses_of_pictures_and_of_one_frame(tmp_path: Path) -> None:
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"{number}.png"), drawn(number))
    assert [shown_number(g.bgr) for g in preview_frames(probe(tmp_path))] == [1, 3, 5, 7, 9, 11]
    (tmp_path / "one").mkdir()
    assert len(preview_frames(probe(write_clip(tmp_path / "one" / "a.mp4", [0])))) == 1


def test_a_strip_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = probe(write_clip(tmp_path / "a.mp4", range(50)))
    strip = strip_of(clip)
    assert strip is not None and strip.picture == cache_dir() / "strips" / f"{clip.digest}.jpg"
    assert len(strip.seconds) == len(strip.measures) == 6
    sheet = cv2.imread(str(strip.picture))
    assert sheet is not None and sheet.shape == (2 * 164 - 4, 3 * 324 - 4, 3)
    monkeypatch.setattr(strips, "preview_frames", lambda *_: pytest.fail("looked at again"))
    assert strip_of(clip) == strip
