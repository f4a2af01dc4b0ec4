"""The gallery: who was seen where, as something to keep, print, send and check.

Owns its nouns (`Crop`, `Sighting`, `Gallery`), the zip that is handed out, and the reader that tells whether such a zip
was changed. Refuses to decide who is who, to cut pictures out of clips, and to show a face unless it is told to.
"""

from core.gallery.bundle import write_zip
from core.gallery.checking import ChangedError, read_manifest
from core.gallery.heads import blurred
from core.gallery.lineup import Asked, lineup
from core.gallery.lookalikes import candidates_csv
from core.gallery.market import require_empty, write_market
from core.gallery.naming import calm, moment, one_line, person_name, sheet_name
from core.gallery.reading import read_zip
from core.gallery.rows import people_csv, sightings_csv, sightings_parquet
from core.gallery.sightings import STATUSES, Candidate, Crop, Gallery, Lookalike, Picture, Sighting

__all__ = [
    "STATUSES",
    "Asked",
    "Candidate",
    "ChangedError",
    "Crop",
    "Gallery",
    "Lookalike",
    "Picture",
    "Sighting",
    "blurred",
    "calm",
    "candidates_csv",
    "lineup",
    "moment",
    "one_line",
    "people_csv",
    "person_name",
    "read_manifest",
    "read_zip",
    "require_empty",
    "sheet_name",
    "sightings_csv",
    "sightings_parquet",
    "write_market",
    "write_zip",
]
