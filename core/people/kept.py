"""The tables that a run keeps of its people, written and read back. Nothing is decided here.

    DIR/people.csv, candidates.csv, similarity.npz    as `core.people` describes them
    DIR/cut/<camera>.txt                              MOT text of a camera in which a track was cut by hand

Who is who is read from these tables alone: a zip that was handed out is for its reader, and may be elsewhere.
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import StoreError, WeightsError
from core.folders import write_atomically
from core.gallery.lookalikes import candidates_csv
from core.gallery.rows import people_csv, read_people
from core.gallery.sightings import Gallery, Sighting
from core.match import Match, between
from core.mot import write_tracks
from core.people.cutting import parted
from core.people.deciding import MatchedPeople, pictures_of
from core.people.evidence import Evidence, load_evidence
from core.people.links import cut_as_said
from core.people.names import Name, people_named
from core.results import tracks_of
from core.tracklets import words
from core.types import Floats, Ints
from core.weights import Kind, Known, Model, find
from core.weights.manifest import entries

PEOPLE, CANDIDATES, SIMILARITY = "people.csv", "candidates.csv", "similarity.npz"
ZIP = "gallery.zip"
CUT = "cut"
"""Folder of the tracks of cameras in which one was cut; those in tracks/ stay as the run found them."""


@dataclass(frozen=True, eq=False)
class Decided:
    """`person` (n,) is the number of each of the evidence's tracklets; `threshold` the similarity that named them."""

    gallery: Gallery
    evidence: Evidence
    person: Ints
    threshold: float


def write_tables(people: MatchedPeople, out: Path, folder: Path | None = None) -> dict[str, Path]:
    """The tables of the run in folder `out`, there or in another `folder`; MOT text of each camera by its name."""
    below, gallery = folder or out, people.gallery
    write_atomically(below / PEOPLE, people_csv(gallery).encode())
    write_atomically(below / CANDIDATES, candidates_csv(gallery.lookalikes).encode())
    write_atomically(below / SIMILARITY, similarity_npz(people.evidence, people.match, gallery.about))
    return write_cut_tracks(people.evidence, out, below)


def write_cut_tracks(evidence: Evidence, out: Path, folder: Path) -> dict[str, Path]:
    """MOT text of each camera. Where a track is cut, a new file below `folder`; none stays there of an older cut."""
    shutil.rmtree(folder / CUT, ignore_errors=True)
    cameras = evidence.cameras if evidence.timed else ()  # pictures by themselves have no boxes
    files = {camera: out / "tracks" / f"{camera}.txt" for camera in cameras}
    for camera in {cut.camera for cut in evidence.cuts}:
        files[camera] = folder / CUT / f"{camera}.txt"
        cuts = [cut for cut in evidence.cuts if cut.camera == camera]
        write_tracks(files[camera], parted(tracks_of(out, camera), cuts))
    return files


def of_people(match: Match) -> tuple[Ints, Floats]:
    """The numbers of the people (k,), rising, and how alike they are, (k, k): the mean over all pairs of tracks.

    Of one person with itself, over the pairs of different tracks: NaN where there is only one.
    """
    people, group = np.unique(match.people().person, return_inverse=True)
    return people, between(match.similarity, group)


def similarity_npz(evidence: Evidence, match: Match, about: Mapping[str, Any]) -> bytes:
    """`about` says how it was made; it is kept as JSON text."""
    people, alike = of_people(match)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        similarity=match.similarity,
        why=match.why,
        camera=np.array(evidence.cameras, str)[evidence.tracklets.camera],
        track=evidence.tracklets.track,
        person=match.people().person,
        people=people,
        between=alike,
        threshold=match.threshold,
        about=np.array(json.dumps(about, ensure_ascii=False)),
    )
    return buffer.getvalue()


def load_people(out: Path) -> Decided:
    """The people of the run in folder `out`, as they were decided last; crops stay in their files until needed."""
    remedy = f"Decide again who is who: gallery {out}."
    sightings, threshold, about = _read_tables(out, remedy)
    choice = about.get("choice", {})
    evidence = cut_as_said(choice.get("links", ()), load_evidence(out), out)
    row_of = evidence.row_of
    rows = [row_of.get((sighting.camera, sighting.track), -1) for sighting in sightings]
    if sorted(rows) != list(range(len(row_of))):
        raise StoreError(f"{out / PEOPLE} is of other tracks than those in {out}", remedy)
    person = np.empty(len(rows), np.int64)
    person[rows] = [sighting.person for sighting in sightings]
    whole = [_complete(sighting, evidence, row, out) for sighting, row in zip(sightings, rows, strict=True)]
    names, remarks = people_named((Name(*name) for name in choice.get("names", ())), row_of, person.tolist())
    return Decided(Gallery(tuple(whole), names, remarks, about=about), evidence, person, threshold)


def _read_tables(out: Path, remedy: str) -> tuple[list[Sighting], float, dict[str, Any]]:
    """Sightings, the threshold that named their people, and how all of it was made."""
    for name in (PEOPLE, SIMILARITY):
        if not (out / name).is_file():
            raise StoreError(f"{out} holds no {name}, which says who is who", remedy)
    try:
        sightings = read_people((out / PEOPLE).read_text(encoding="utf-8"))
        with np.load(out / SIMILARITY, allow_pickle=False) as arrays:
            # To four places, as every text about the run names it.
            threshold, about = round(float(arrays["threshold"]), 4), json.loads(str(arrays["about"]))
            names = zip(arrays["camera"].tolist(), arrays["track"].tolist(), strict=True)
            people = dict(zip(names, arrays["person"].tolist(), strict=True))
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as fault:
        raise StoreError(f"{out / PEOPLE} or {SIMILARITY} cannot be read ({fault})", remedy) from fault
    if people != {(sighting.camera, sighting.track): sighting.person for sighting in sightings}:
        raise StoreError(f"{PEOPLE} and {SIMILARITY} in {out} name other people", remedy)
    return sightings, threshold, about


def _complete(sighting: Sighting, evidence: Evidence, row: int, out: Path) -> Sighting:
    """With what the table leaves out: colours and crops."""
    upper, lower = words(evidence.colours[row])
    return replace(sighting, upper=upper, lower=lower, crops=pictures_of(evidence, row, out))


def model_of(record: dict[str, Any], kind: Kind, named: str = "") -> Model:
    """The very model that a run's record names, or the one `named`, if that is the same file."""
    facts = record.get("models", {}).get(kind)
    if not isinstance(facts, dict):
        raise WeightsError(f"the run had no {kind}", "Choose a run that had one.")
    try:
        model = find(named or facts["name"], kind)
    except WeightsError as fault:
        flag = {"embedder": "--features", "detector": "--weights"}[kind]
        raise WeightsError(f"the run's {kind} is not here: {fault.message}", f"Name its file: {flag} FILE.") from fault
    if model.digest != facts["sha256"]:
        raise WeightsError(
            f"{model.name} is not the {kind} of the run any more: its SHA-256 begins with {model.digest[:12]}, "
            f"that of the run's with {facts['sha256'][:12]}",
            "Name the file that the run had, or run again with this one.",
        )
    return model


def known_of(record: dict[str, Any]) -> Known | None:
    """What was measured elsewhere with the embedder of a run's record; its file is not needed for that."""
    facts = record.get("models", {}).get("embedder")
    if not isinstance(facts, dict):
        raise WeightsError("the run matched on motion alone", "Run it again with an embedder.")
    if facts.get("known"):
        return Known.of(facts["known"])
    # An older run did not keep it.
    return next((entry.model.known for entry in entries().values() if entry.matches(facts["sha256"])), None)
