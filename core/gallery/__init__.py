"""The gallery: who was seen where, as something to keep, print, send and check.

Owns its nouns (`Crop`, `Sighting`, `Gallery`), the zip that is handed out, and the reader that tells whether such a zip
was changed. Refuses to decide who is who, to cut pictures out of clips, and to show a face unless it is told to.
"""

from core.gallery.bundle import write_zip
from core.gallery.checking import read_manifest
from core.gallery.heads import blurred
from core.gallery.rows import people_csv
from core.gallery.sightings import STATUSES, Crop, Gallery, Picture, Sighting

__all__ = [
    "STATUSES",
    "Crop",
    "Gallery",
    "Picture",
    "Sighting",
    "blurred",
    "people_csv",
    "read_manifest",
    "write_zip",
]
