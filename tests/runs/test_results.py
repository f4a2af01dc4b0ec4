"""What a run left, read back: when each track is seen, and the boxes for a player; a damaged file is said."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import StoreError
from core.base.types import Tracks
from core.runs import load_tracks, overlay, spans


def some_tracks() -> Tracks:
    frame = np.array([0, 0, 1, 1, 5])
    box = np.array([[0, 0, 10.4, 20.6]] * 5)
    seen = np.array([True, True, True, False, True])
    return Tracks(frame, frame / 10, np.array([2, 1, 2, 1, 7]), box, np.ones(5), seen)


def test_spans_say_when_each_track_is_seen() -> None:
    found = spans(some_tracks())
    assert found.track.tolist() == [1, 2, 7]
    assert found.first_seconds.tolist() == [0, 0, 0.5]
    assert found.last_seconds.tolist() == [0.1, 0.1, 0.5]
    assert (found.boxes.tolist(), found.filled.tolist()) == ([2, 2, 1], [1, 0, 0])
    assert len(spans(Tracks.empty())) == 0


def test_the_overlay_carries_seconds_and_what_was_filled_in() -> None:
    content = json.loads(overlay(some_tracks(), 128, 64))
    assert content["seconds"] == [0, 0, 0.1, 0.1, 0.5]
    assert content["seen"] == [1, 1, 1, 0, 1]
    assert content["box"][0] == [0, 0, 10, 21]
    assert (content["width"], content["height"]) == (128, 64)
    assert json.loads(overlay(Tracks.empty(), 128, 64))["seconds"] == []


def test_a_damaged_result_is_said_not_thrown(tmp_path: Path) -> None:
    (tmp_path / "tracks.parquet").write_bytes(b"no parquet")
    with pytest.raises(StoreError, match="cannot be read"):
        load_tracks(tmp_path, "gate")
