"""What a clip says of its own start: by its name, in local time, and by its container, in UTC."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest

from core.vision.video import start_proposals


@pytest.mark.parametrize(
    ("name", "began"),
    [
        ("gate_20261120_140000.mp4", "2026-11-20T14:00:00"),
        ("2026-11-20_14-00-05.mp4", "2026-11-20T14:00:05"),
        ("NVR ch2 2026.11.20 14.00.mkv", "2026-11-20T14:00:00"),
        ("VID_20261120_140000123.mp4", "2026-11-20T14:00:00"),
        ("20261120140000.avi", "2026-11-20T14:00:00"),
        ("gate_20261320_140000.mp4", None),
        ("gate_20261120_250000.mp4", None),
        ("gate_12026112014000099999.mp4", None),
        ("gate.mp4", None),
    ],
)
def test_a_name_with_a_date_and_a_time(name: str, began: str | None) -> None:
    assert [proposal.began for proposal in start_proposals(Path(name), "")] == ([began] if began else [])


def test_a_name_on_a_night_when_clocks_are_put_back_proposes_nothing() -> None:
    assert not start_proposals(Path("gate_20261025_023000.mp4"), "Europe/Berlin")
    assert start_proposals(Path("gate_20261025_023000.mp4"), "")


def test_the_container_is_of_utc_and_the_time_of_the_file_is_not_used(tmp_path: Path) -> None:
    path = _film(tmp_path / "gate_20261025_033000.mp4", "2026-10-25T01:30:00.000000Z")
    os.utime(path, (0, 0))
    (by_name, by_container) = start_proposals(path, "Europe/Berlin")
    assert (by_name.began, by_container.began) == ("2026-10-25T03:30:00", "2026-10-25T02:30:00+01:00")
    assert "local" in by_name.source and "UTC" in by_container.source
    # Without a zone nobody knows what UTC is there.
    assert len(start_proposals(path, "")) == 1
    agreed = _film(tmp_path / "gate_20261120_140000.mp4", "2026-11-20T13:00:00Z")
    assert [p.source for p in start_proposals(agreed, "Europe/Berlin")] == ["its name, taken as local time"]
    assert not start_proposals(_film(tmp_path / "epoch.mp4", "1970-01-01T00:00:00Z"), "UTC")


def _film(path: Path, creation_time: str) -> Path:
    with av.open(str(path), "w") as container:
        container.metadata["creation_time"] = creation_time
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
        for packet in (*stream.encode(frame), *stream.encode()):
            container.mux(packet)
    return path
