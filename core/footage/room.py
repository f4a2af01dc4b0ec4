"""How much room on the disk a case takes, told before it is needed.

Owns the measured sizes. Refuses to count what is there already: whoever asks says which films and findings are missing.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from core.folders import cache_dir

# Bytes for each minute of a clip. The film for the browser took 1 to 6 MB a minute of usual footage, 31 MB where forty
# people fill a noisy picture; boxes, looks and crops at 10 pictures a second took 1.5 MB with three people in the
# picture and 4 MB with eight.
FILM_BYTES = 8_000_000
FINDINGS_BYTES = 5_000_000
TIGHT_BYTES = 1_000_000_000
"""Less than this left free afterwards is worth a warning."""


@dataclass(frozen=True)
class Room:
    """What is still to be written for some clips, and what is free where it goes."""

    needed: int
    free: int

    @property
    def short(self) -> bool:
        return self.needed > self.free

    @property
    def tight(self) -> bool:
        return self.free - self.needed < TIGHT_BYTES


def room_for(film_seconds: float, findings_seconds: float) -> Room:
    """For that much footage whose film, and that much whose findings, are still to be made."""
    needed = (film_seconds * FILM_BYTES + findings_seconds * FINDINGS_BYTES) / 60
    return Room(round(needed), free_bytes())


def free_bytes() -> int:
    """What is free on the disk of the cache folder."""
    return shutil.disk_usage(cache_dir()).free
