"""What is handed out of a run whose people were decided: the zip, beside the run's own tables, and tracks as a zip."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from core.base.progress import Progress
from core.base.text import one_line
from core.export.zip import Archive, write_zip
from core.runs import GALLERY_FILE, Evidence, MatchedPeople, write_cut_tracks, write_tables


@dataclass(frozen=True)
class ExportOptions:
    """How a result is handed out.

    With `blur` nobody's head can be recognised in the zip; `reason` says why heads are shown where it is off. `when` is
    the date that the manifest names. All is written to the folder `to`, or to the run's own. Without `zipped`, no zip
    is left there: an older one would hold something else than the tables beside it.
    """

    blur: bool = True
    reason: str = ""
    when: str | None = None
    to: Path | None = None
    zipped: bool = True


def with_reason(people: MatchedPeople, reason: str) -> MatchedPeople:
    """The same people; what is written of them says why heads are not blurred, if there is a `reason`."""
    if not (text := one_line(reason)):
        return people
    about = {**people.gallery.about, "heads_shown_because": text}
    return replace(people, gallery=replace(people.gallery, about=about))


def write_people(
    people: MatchedPeople, out: Path, options: ExportOptions | None = None, progress: Progress | None = None
) -> None:
    """The tables of the run in folder `out`, and the zip as the `options` say."""
    chosen = options or ExportOptions()
    noted, folder = with_reason(people, chosen.reason), chosen.to or out
    tracks = write_tables(noted, out, folder)
    if chosen.zipped:
        write_zip(noted.gallery, tracks, folder / GALLERY_FILE, blur=chosen.blur, progress=progress, when=chosen.when)
    else:
        (folder / GALLERY_FILE).unlink(missing_ok=True)


def tracks_zip(out: Path, evidence: Evidence | None = None) -> bytes:
    """MOT text of each camera of the run in folder `out`, zipped; as `evidence` has been cut, where there is any."""
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as below, Archive(buffer) as archive:
        as_found = {path.stem: path for path in (out / "tracks").glob("*.txt")}
        files = write_cut_tracks(evidence, out, Path(below)) if evidence else as_found
        for camera, path in sorted(files.items()):
            archive.add(f"{camera}.txt", [path.read_bytes()])
    return buffer.getvalue()
