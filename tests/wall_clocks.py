"""Moments of clips as users read them: Python and the browser write the same."""

from __future__ import annotations

BERLIN = "Europe/Berlin"
# Zone, when the camera's clip began, seconds of the clip; the text, and that with tenths. The other camera's clip
# began on 2026-10-24 at noon, so that times of the 25th have their date.
DAY_BEFORE = "2026-10-24T12:00:00"
MOMENTS = [
    (BERLIN, "2026-10-24T14:03:10", 0.0, "14:03:10", "14:03:10.0"),
    (BERLIN, "2026-10-24T14:03:10", 83.999, "14:04:33", "14:04:33.9"),
    (BERLIN, "2026-10-24T14:03:10.25", 83.4, "14:04:33", "14:04:33.6"),
    (BERLIN, "2026-10-24T23:59:59", 1.0, "2026-10-25 00:00:00", "2026-10-25 00:00:00.0"),
    # Clocks are put back at 03:00 to 02:00.
    (BERLIN, "2026-10-25T01:59:50", 15.0, "2026-10-25 02:00:05+02:00", "2026-10-25 02:00:05.0+02:00"),
    (BERLIN, "2026-10-25T01:59:50", 3615.0, "2026-10-25 02:00:05+01:00", "2026-10-25 02:00:05.0+01:00"),
    (BERLIN, "2026-10-25T02:30:00+01:00", 1.5, "2026-10-25 02:30:01+01:00", "2026-10-25 02:30:01.5+01:00"),
    (BERLIN, "2026-10-25T01:59:50", 7210.0, "2026-10-25 03:00:00", "2026-10-25 03:00:00.0"),
    # And forward at 02:00 to 03:00.
    (BERLIN, "2027-03-28T01:59:50", 15.3, "2027-03-28 03:00:05", "2027-03-28 03:00:05.3"),
    ("America/St_Johns", "2026-11-01T00:59:59", 3602.0, "2026-11-01 01:00:01-03:30", "2026-11-01 01:00:01.0-03:30"),
    # A case whose zone nobody has said: clocks that are never put forward or back.
    ("", "2026-10-25T01:59:50", 3615.0, "2026-10-25 03:00:05", "2026-10-25 03:00:05.0"),
]
# Seconds a day that the camera's clock gains, seconds of its clip, which began at DAY_BEFORE; the text with tenths.
DRIFTING = [
    (0.0, 43_200.0, "2026-10-25 00:00:00.0"),
    # Of a clock that gains ten seconds in a day, half a day of right time has passed when it has counted five more.
    (10.0, 43_205.0, "2026-10-25 00:00:00.0"),
    (10.0, 43_200.0, "23:59:55.0"),
    (-20.0, 43_190.0, "2026-10-25 00:00:00.0"),
    (3600.0, 90.0, "12:01:26.4"),
]
