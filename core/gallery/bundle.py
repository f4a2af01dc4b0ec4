"""The zip that is handed out: the same gallery gives the same bytes, whole or not at all, one crop in memory at a time.

Owns which entries there are and their order; what an entry holds is made next door. The date is in manifest.json alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core import __version__
from core.crops import jpeg
from core.errors import StoreError
from core.folders import written_whole
from core.gallery import report, sheet
from core.gallery.archive import Archive
from core.gallery.checking import MANIFEST
from core.gallery.lookalikes import candidates_csv
from core.gallery.naming import crop_name, sheet_name
from core.gallery.pictures import jpeg_of, picture_of, small_jpeg
from core.gallery.readme import readme
from core.gallery.rows import sightings_csv, sightings_parquet
from core.gallery.sightings import Crop, Gallery, require_camera
from core.progress import Progress
from core.types import Image

_BLOCK = 1 << 20
_SMALL = (112, 224)
_SHEET_QUALITY = 88


def write_zip(
    gallery: Gallery,
    tracks: Mapping[str, Path],
    out: Path,
    *,
    blur: bool = True,
    progress: Progress | None = None,
    when: str | None = None,
) -> None:
    """Write `gallery` and the MOT text of each camera to `out`; with `blur` no head can be told.

    `when` is the date to name in the manifest. `StoreError` where a picture or `out` fails, `Cancelled` if asked to.
    """
    for camera in tracks:
        require_camera(camera, "tracks")
    step = _steps(gallery, progress or Progress())
    with written_whole(out) as file, Archive(file) as archive:
        for name, pieces in _entries(gallery, tracks, blur, step):
            archive.add(name, pieces)
        about = {"about": dict(gallery.about), "blurred": blur, "when": when, "entries": list(archive.entries)}
        archive.add(MANIFEST, [_manifest(gallery, about)])


def _entries(
    gallery: Gallery, tracks: Mapping[str, Path], blur: bool, step: Callable[[], None]
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Name and content of every entry but the manifest, in order; nothing is made before its turn."""

    def look(crop: Crop) -> Image:
        step()
        return picture_of(crop, blur)

    def small(crop: Crop) -> bytes:
        return small_jpeg(look(crop), *_SMALL)

    def whole(crop: Crop) -> bytes:
        step()
        return jpeg_of(crop, blur)

    yield "README.txt", [readme(gallery, blur).encode()]
    yield "report.html", (piece.encode() for piece in report.report(gallery, small, blur))
    for number, page in enumerate(sheet.sheets(gallery, look), 1):
        yield sheet_name(number), [jpeg(page, _SHEET_QUALITY)]
    yield "sightings.csv", [sightings_csv(gallery).encode()]
    yield "sightings.parquet", [sightings_parquet(gallery)]
    yield "candidates.csv", [candidates_csv(gallery.lookalikes).encode()]
    for sighting in gallery.sightings:
        for crop in sighting.crops:
            yield crop_name(sighting, crop), map(whole, [crop])
    for camera, path in sorted(tracks.items()):
        yield f"tracks/{camera}.txt", _copied(path)


def _steps(gallery: Gallery, progress: Progress) -> Callable[[], None]:
    """What is called before each picture: tells how far it is, and stops the work when asked to."""
    total = report.shown(gallery) + sheet.shown(gallery) + sum(len(s.crops) for s in gallery.sightings)
    progress.begin("export", total)
    done = iter(range(1, total + 1))
    return lambda: progress.at(next(done))


def _copied(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as fault:
        raise StoreError(f"The tracks {path} cannot be read ({fault.strerror})", "Run the analysis again.") from fault


def _manifest(gallery: Gallery, about: Mapping[str, Any]) -> bytes:
    content = {
        "program": f"sightline {__version__}",
        "format": 1,
        "matches": "candidates until a person confirms them",
        "people": len(gallery.by_person()),
        "sightings": len(gallery.sightings),
        "cameras": gallery.cameras,
        **about,
    }
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
