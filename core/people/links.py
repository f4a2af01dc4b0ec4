"""What the user has decided, from a text file: pairs of tracks that are one person, or two.

camera,track,other_camera,other_track,decision
cam1,3,cam2,5,same
cam1,3,cam2,8,different
"""

from __future__ import annotations

import csv
from pathlib import Path

from core.errors import SettingsError
from core.match import Decisions
from core.people.evidence import Evidence

COLUMNS = ("camera", "track", "other_camera", "other_track", "decision")
_LAYOUT = f"The first line is {','.join(COLUMNS)}; the decision is same or different."


def read_links(path: Path, evidence: Evidence) -> Decisions:
    """Decisions as rows of the tracklets."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise SettingsError(f"{path} cannot be read as links ({fault})", _LAYOUT) from fault
    row_of = {
        (evidence.cameras[camera], track): row
        for row, (camera, track) in enumerate(
            zip(evidence.tracklets.camera.tolist(), evidence.tracklets.track.tolist(), strict=True)
        )
    }
    said: dict[str, list[tuple[int, int]]] = {"same": [], "different": []}
    for line, row in enumerate(rows, 2):
        try:
            pair = [row_of[row[camera], int(row[track])] for camera, track in (COLUMNS[:2], COLUMNS[2:4])]
            said[row["decision"].strip()].append((pair[0], pair[1]))
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise SettingsError(
                f"line {line} of {path} names no two tracks of this run and a decision", _LAYOUT
            ) from fault
    return Decisions(tuple(said["same"]), tuple(said["different"]))
