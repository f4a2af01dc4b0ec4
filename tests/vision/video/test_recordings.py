"""A list of recordings as one clip: every frame of each file at its time, gaps and overlaps, sizes, damage."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import ClipError, SettingsError
from core.base.settings import VideoSettings
from core.base.types import Clip, Timeline
from core.vision.video import digest, plan, plan_recordings, preview_frames, probe, read, start_proposals, still
from tests.vision.video.making import shown_number, turn, write_clip

TENTH = Fraction(1, 10)


def files(folder: Path, *counts: int, scale: int = 1) -> list[Path]:
    """Files of so many frames, 10 a second, whose frames show their number in all of them."""
    first, made = 0, []
    for number, count in enumerate(counts):
        made.append(write_clip(folder / f"{number}.mp4", range(count), TENTH, first=first, scale=scale))
        first += count
    return made


def listed(folder: Path, recordings: list[Path], *starts: float | None) -> Path:
    times = starts or (0.0, *[None] * (len(recordings) - 1))
    entries = [{"file": path.name, "starts": at} for path, at in zip(recordings, times, strict=True)]
    target = folder / "gate.recordings"
    target.write_text(json.dumps({"recordings": entries}))
    return target


def numbers(clip: Clip, timeline: Timeline) -> list[int]:
    with read(clip, timeline) as pictures:
        return [shown_number(picture.bgr) for picture in pictures]


def everything(clip: Clip) -> Timeline:
    return Timeline(np.arange(clip.frames), clip.times)


def test_files_follow_each_other_at_once(tmp_path: Path) -> None:
    clip = probe(listed(tmp_path, files(tmp_path, 12, 7, 9)))
    assert clip.frames == 28
    assert clip.times == pytest.approx(np.arange(28) / 10)
    assert numbers(clip, everything(clip)) == list(range(28))
    assert (clip.fps, clip.duration_seconds, clip.warnings) == (10.0, pytest.approx(2.8), ())
    # From the middle on, across a joint.
    with read(clip, everything(clip), first=10) as pictures:
        assert [(picture.frame, shown_number(picture.bgr)) for picture in pictures] == [(n, n) for n in range(10, 28)]


def test_a_gap_is_kept_and_told(tmp_path: Path) -> None:
    clip = probe(listed(tmp_path, files(tmp_path, 10, 10), 0.0, 61.0))
    assert clip.times[9:12] == pytest.approx([0.9, 61.0, 61.1])
    assert clip.warnings == ("Nothing was recorded from 0:00:00 to 0:01:01.",)
    assert numbers(clip, everything(clip)) == list(range(20))


def test_what_two_files_show_is_looked_at_once(tmp_path: Path) -> None:
    clip = probe(listed(tmp_path, files(tmp_path, 10, 10, 5), 0.0, 0.7, 0.9))
    # The second begins 0.3 s before the first ends; the third lies within the second.
    assert clip.frames == 17
    assert clip.times == pytest.approx(np.arange(17) / 10)
    assert numbers(clip, everything(clip)) == [*range(10), *range(13, 20)]
    assert clip.warnings[0] == "The first 0.3 s of 1.mp4 are left out: the recording before it shows them."
    assert clip.warnings[1].startswith("2.mp4 is left out: the recordings before it")


def test_frames_are_planned_file_by_file_and_a_range_cuts_them(tmp_path: Path) -> None:
    clip = probe(listed(tmp_path, files(tmp_path, 11, 10)))
    # Each file begins with its first frame, as a clip of its own does.
    assert plan(clip, VideoSettings(fps=5.0)).frame.tolist() == [*range(0, 11, 2), *range(11, 21, 2)]
    settings = VideoSettings(fps=0.0, start_seconds=0.5, end_seconds=1.4)
    assert plan(clip, settings).frame.tolist() == list(range(5, 14))
    parts = plan_recordings(clip, settings)
    assert [(part.settings.start_seconds, part.settings.end_seconds) for part in parts] == [
        (0.5, None),
        (0.0, pytest.approx(0.3)),
    ]
    # A file that lies within the range as a whole is planned as on its own, so that what is stored of it is found.
    whole = plan_recordings(clip, VideoSettings(fps=5.0))
    assert [part.settings for part in whole] == [VideoSettings(fps=5.0)] * 2
    with pytest.raises(SettingsError, match="No frame lies between"):
        plan(clip, VideoSettings(start_seconds=30.0))


def test_other_sizes_are_scaled_and_each_file_is_turned_upright(tmp_path: Path) -> None:
    small, large = write_clip(tmp_path / "a.mp4", range(3), TENTH), tmp_path / "b.mp4"
    write_clip(large, range(3), TENTH, first=3, scale=2)
    clip = probe(listed(tmp_path, [small, large]))
    assert any("they are scaled to 128 x 64 as before" in warning for warning in clip.warnings)
    with read(clip, everything(clip)) as pictures:
        found = [(picture.bgr.shape[:2], shown_number(picture.bgr)) for picture in pictures]
    assert found == [((64, 128), number) for number in range(6)]
    turned = turn(write_clip(tmp_path / "c.mp4", range(2), TENTH), 180)
    upright = probe(listed(tmp_path, [turned, turned], 0.0, 5.0))
    with read(upright, everything(upright)) as pictures, read(probe(turned), everything(probe(turned))) as alone:
        assert all(np.array_equal(a.bgr, b.bgr) for a, b in zip(pictures, alone, strict=False))


def test_stills_previews_and_proposals_are_those_of_the_files(tmp_path: Path) -> None:
    recordings = files(tmp_path, 20, 20)
    first = recordings[0].rename(tmp_path / "gate_20261120_140000.mp4")
    path = listed(tmp_path, [first, recordings[1]], 0.0, 10.0)
    clip = probe(path)
    seconds = [preview.seconds for preview in preview_frames(clip, 4)]
    assert seconds == sorted(seconds)
    assert seconds[0] < 2 < seconds[-1]
    assert len(still(clip, 25)) > 100
    assert start_proposals(path, "")[0].began == "2026-11-20T14:00:00"


def test_the_digest_is_that_of_contents_and_times(tmp_path: Path) -> None:
    recordings = files(tmp_path, 5, 5)
    path = listed(tmp_path, recordings)
    before = digest(path)
    assert probe(path).digest == before
    (tmp_path / "elsewhere").mkdir()
    moved = [Path(str(file.rename(tmp_path / "elsewhere" / file.name))) for file in recordings]
    assert digest(listed(tmp_path / "elsewhere", moved)) == before
    assert digest(listed(tmp_path / "elsewhere", moved, 0.0, 30.0)) != before
    assert digest(listed(tmp_path / "elsewhere", moved[::-1])) != before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("no json", "is not a list of recordings"),
        ("[]", "is not a list of recordings"),
        ('{"recordings": []}', "lists no recordings"),
        ('{"recordings": [{"file": "b.recordings"}]}', "lists other lists"),
        ('{"recordings": [{"file": "a.mp4", "starts": "x"}]}', "is not a list of recordings"),
        ('{"recordings": [{"file": "missing.mp4"}]}', "missing.mp4 cannot be opened"),
    ],
)
def test_a_damaged_list_is_refused_in_words(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "gate.recordings"
    path.write_text(content)
    with pytest.raises(ClipError, match=words):
        probe(path)


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    recordings = files(tmp_path, 5, 5)
    path = tmp_path / "gate.recordings"
    entries = [{"file": file.name, "digest": digest(file), "starts": None} for file in recordings]
    path.write_text(json.dumps({"recordings": entries}))
    assert probe(path).frames == 10
    write_clip(recordings[1], range(6), TENTH)
    with pytest.raises(ClipError, match=r"1\.mp4 has changed"):
        probe(path)
