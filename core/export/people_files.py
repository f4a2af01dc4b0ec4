"""The files of a run's people: its tables, the zip beside them, and the tracks as a zip of their own."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from core.base.errors import StoreError
from core.base.progress import Progress
from core.base.text import one_line
from core.export.facts import CASE, HEAD_MODEL, ORIGINALS, CaseFacts, Recordings
from core.export.found_heads import head_model
from core.export.full_frames import take_frames
from core.export.heads import find_heads
from core.export.zip import Archive, write_zip
from core.runs import GALLERY_FILE, Evidence, MatchedPeople, RunPeople, write_cut_tracks, write_tables

People = TypeVar("People", MatchedPeople, RunPeople)


@dataclass(frozen=True)
class ExportOptions:
    """How a result is exported.

    With `blur`, heads in the zip are blurred; without, `reason` says why. `when` is the date in the manifest. All files
    go to the folder `to`, or to that of the run. Without `zipped`, an existing zip there is removed, because it would
    not match the tables beside it.

    `case` is what a case says of the export. `clips` are recordings of the run that were moved; those of the cameras in
    `absent` were missing, for the reason given there, in the export that is repeated. `log` is a folder with the files
    of the case's log, which go into the zip.
    """

    blur: bool = True
    reason: str = ""
    when: str | None = None
    to: Path | None = None
    zipped: bool = True
    log: Path | None = None
    case: CaseFacts | None = None
    clips: tuple[Path, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)


def with_reason(people: People, reason: str) -> People:
    """The people with the reason for not blurring heads among the facts of their gallery; unchanged without one."""
    if not (text := one_line(reason)):
        return people
    about = {**people.gallery.about, "heads_shown_because": text}
    return replace(people, gallery=replace(people.gallery, about=about))


def with_heads(people: People, out: Path) -> People:
    """The people of the run in folder `out` with the areas of heads in all crops of their gallery, and with the model
    that finds heads among its facts."""
    sightings = people.gallery.sightings
    crops = [(each.camera, each.track, crop) for each in sightings for crop in each.crops]
    found = iter(find_heads(crops, people.evidence, out))
    covered = tuple(replace(each, crops=tuple(next(found) for _ in each.crops)) for each in sightings)
    about = {**people.gallery.about, HEAD_MODEL: head_model()}
    return replace(people, gallery=replace(people.gallery, sightings=covered, about=about))


def write_people(
    people: MatchedPeople, out: Path, options: ExportOptions | None = None, progress: Progress | None = None
) -> None:
    """Write the tables of the run in folder `out`, and the zip as the `options` say."""
    chosen = options or ExportOptions()
    noted, folder = with_reason(people, chosen.reason), chosen.to or out
    tracks = write_tables(noted, out, folder)
    if not chosen.zipped:
        (folder / GALLERY_FILE).unlink(missing_ok=True)
        return
    reports, recordings = progress or Progress(), Recordings(out, chosen.clips, chosen.absent)
    facts: dict[str, Any] = {ORIGINALS: [asdict(each) for each in recordings.originals(reports)]}
    if chosen.case:
        facts[CASE] = asdict(chosen.case)
    shown = with_heads(noted, out).gallery if chosen.blur else noted.gallery
    gallery = replace(shown, about={**shown.about, **facts})
    frames = take_frames(noted, out, recordings, chosen.blur, reports)
    log = _contents(chosen.log) if chosen.log else None
    write_zip(
        gallery,
        tracks,
        folder / GALLERY_FILE,
        blur=chosen.blur,
        progress=reports,
        when=chosen.when,
        log=log,
        frames=frames,
    )


def _contents(log: Path) -> dict[str, bytes]:
    try:
        return {path.name: path.read_bytes() for path in log.iterdir()}
    except OSError as fault:
        raise StoreError(f"the log {log} cannot be read ({fault.strerror})", "Export it again.") from fault


def tracks_zip(out: Path, evidence: Evidence | None = None) -> bytes:
    """A zip with the MOT text of each camera of the run in folder `out`; with `evidence`, with its cuts applied."""
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as below, Archive(buffer) as archive:
        as_found = {path.stem: path for path in (out / "tracks").glob("*.txt")}
        files = write_cut_tracks(evidence, out, Path(below)) if evidence else as_found
        for camera, path in sorted(files.items()):
            archive.add(f"{camera}.txt", [path.read_bytes()])
    return buffer.getvalue()
