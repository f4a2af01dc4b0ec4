"""Who is who: by what was found, by what is known of the model, and by what the user has said. Writes nothing.

The tables that a run keeps of its people, written and read back. Nothing is decided here.

    DIR/people.csv, candidates.csv, similarity.npz    as `core.people` describes them
    DIR/cut/<camera>.txt                              MOT text of a camera in which a track was cut by hand

Who is who is read from these tables alone: a zip that was handed out is for its reader, and may be elsewhere."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.base.errors import SettingsError, StoreError, WeightsError
from core.base.text import one_line
from core.base.types import Floats, Ints, Seconds
from core.machine.paths import write_atomically
from core.runs.cutting import split_tracks
from core.runs.decisions import Link, Name, apply_cuts, resolve_links, names_by_person
from core.runs.evidence import CROPS_FOLDER, Evidence, load_evidence
from core.runs.explain import find_lookalikes
from core.runs.gallery import Crop, Gallery, Sighting
from core.runs.record import reproducible_facts, read_record, load_tracks
from core.runs.shared_ground import foot_distances, overlap_facts
from core.runs.tables import candidates_csv, people_csv, read_people
from core.vision.appearance import describe_colours
from core.vision.match import Identities, Match, group_similarity, match
from core.vision.models import Kind, Known, Model, entries, find
from core.vision.mot import write_tracks

UNKNOWN_MODEL, UNKNOWN_FEW = Known(0.3, 0.25, 0.7), Known(-0.15, 0.25, 0.35)
"""For embedders of which nothing was measured: careful, and said so."""


class TravelTime(NamedTuple):
    """The way between two cameras: nobody goes it in less than `seconds`, in either direction."""

    camera: str
    other_camera: str
    seconds: float


@dataclass(frozen=True)
class Choice:
    """What the user has said about who is who. Without a `threshold` the clips themselves suggest one.

    `travel` holds the fewest seconds from one camera to another and back; without any they may see the same place.
    With `looks_only` nothing is made of where people stood. `names` are shown with the people of their tracks.
    `purpose` is why anybody is looked for. How the result is handed out is no part of it.
    """

    threshold: float | None = None
    links: tuple[Link, ...] = ()
    travel: tuple[TravelTime, ...] = ()
    ignore_positions: bool = False
    names: tuple[Name, ...] = ()
    purpose: str = ""

    def __post_init__(self) -> None:
        if self.threshold is not None and not -1 <= self.threshold <= 1:
            raise SettingsError(
                f"the least similarity is {self.threshold:g}", "A similarity lies between -1 and 1: try 0.6."
            )


@dataclass(frozen=True, eq=False)
class MatchedPeople:
    """Who is who in a run: `evidence` is cut as the choice says, and the rows of `match` are its tracklets.

    `gallery` holds the people with their names, the candidates of every track and what decided all of it; its crops
    stay in their files until they are needed.
    """

    evidence: Evidence
    match: Match
    gallery: Gallery


def decide(evidence: Evidence, out: Path, known: Known | None, choice: Choice | None = None) -> MatchedPeople:
    """Who is who by the evidence of the run in folder `out`, from which it only reads: nothing is written."""
    said = choice or Choice()
    parts, found = match_people(evidence, out, known, said)
    return build_people(parts, found, out, about_people(evidence, out, known, said), said.names)


def build_people(
    evidence: Evidence, match: Match, out: Path, about: Mapping[str, Any], names: Sequence[Name] = ()
) -> MatchedPeople:
    """The people of a match together with who else each track may be, which takes longer than the people alone."""
    gallery = build_gallery(evidence, match, out, about, names)
    lookalikes = tuple(find_lookalikes(evidence, match, out))
    return MatchedPeople(evidence, match, replace(gallery, lookalikes=lookalikes))


def prior_for(evidence: Evidence, known: Known | None) -> Known:
    """What is known of looks such as those of `evidence`."""
    there = known or UNKNOWN_MODEL
    return (there.few or UNKNOWN_FEW) if evidence.is_centered else there


def match_people(evidence: Evidence, out: Path, known: Known | None, choice: Choice) -> tuple[Evidence, Match]:
    """The evidence cut as was said, and who is who in it; nothing is written."""
    parts = apply_cuts(choice.links, evidence, out)
    links, travel = resolve_links(choice.links, parts), _travel_seconds(choice.travel, parts)
    places = None if choice.ignore_positions else foot_distances(parts)
    return parts, match(parts.tracklets, prior_for(evidence, known), choice.threshold, links, travel, places)


def about_people(evidence: Evidence, out: Path, known: Known | None, choice: Choice) -> dict[str, Any]:
    """All that decides who is who in the run of folder `out`, for whoever is handed the result."""
    said = {
        "threshold": choice.threshold,
        "links": list(choice.links),
        "travel": list(choice.travel),
        "looks_only": choice.ignore_positions,
        "names": list(choice.names),
    }
    purpose = one_line(choice.purpose)
    return {**_about(evidence, out, known), **({"purpose": purpose} if purpose else {}), "choice": said}


def build_gallery(
    evidence: Evidence, match: Match, out: Path, about: Mapping[str, Any], names: Sequence[Name] = ()
) -> Gallery:
    """The gallery at the match's threshold; crops stay in their files below `out` until they are needed."""
    found = match.people()
    sightings = [_sighting(evidence, found, row, out) for row in range(len(evidence.tracklets))]
    cuts = {"cuts": [cut.plain() for cut in evidence.cuts]} if evidence.cuts else {}
    matching = {**_matching(match), **cuts}
    called, noted = names_by_person(names, evidence.row_of, found.person.tolist())
    return Gallery(tuple(sightings), called, noted, tuple(_failed_camera_notes(about)), about={**about, "matching": matching})


def _failed_camera_notes(about: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each camera of the run that could not be worked on: whoever reads the report must know."""
    for camera in about.get("run", {}).get("cameras", ()):
        if "failed" in camera:
            yield f"{camera['camera']} could not be worked on, and is left out: {camera['failed']}"


def _sighting(evidence: Evidence, found: Identities, row: int, out: Path) -> Sighting:
    start, end = evidence.clip_seconds(row)
    upper, lower = describe_colours(evidence.colours[row])
    return Sighting(
        camera=evidence.cameras[evidence.tracklets.camera[row]],
        track=int(evidence.tracklets.track[row]),
        person=int(found.person[row]),
        start_seconds=float(np.maximum(start, 0)),
        end_seconds=float(np.maximum(end, 0)),
        similarity=float(found.similarity[row]),
        status=found.status(row),
        upper=upper,
        lower=lower,
        crops=load_crops_of(evidence, row, out),
    )


def load_crops_of(evidence: Evidence, row: int, out: Path) -> tuple[Crop, ...]:
    """The crops of a tracklet, best first, in their files below `out`."""
    mine = evidence.crops.of(row)
    return tuple(
        Crop(float(seconds), int(frame), out / CROPS_FOLDER / str(name))
        for seconds, frame, name in zip(mine.seconds, mine.frame, mine.name, strict=True)
    )


def _matching(match: Match) -> dict[str, Any]:
    """What the manifest says about the threshold and what is to be expected of it."""
    share, low, high = match.calibration.at(match.threshold)
    return {
        "threshold": round(match.threshold, 4),
        "suggested": round(match.calibration.threshold, 4),
        "words": match.calibration.words,
        "expected_false_share": {"share": round(share, 4), "low": round(low, 4), "high": round(high, 4)},
        "pairs_of_certain_strangers": match.calibration.pairs,
    }


def _travel_seconds(ways: Sequence[TravelTime], evidence: Evidence) -> Seconds | None:
    """Fewest seconds between the cameras of which there is any evidence, (c, c)."""
    if not ways:
        return None
    if not evidence.has_times:
        raise SettingsError("nobody knows when these pictures were taken", "Leave out how long the ways are.")
    place = {camera: number for number, camera in enumerate(evidence.cameras)}
    seconds = np.zeros((len(place), len(place)))
    for one, other, least in ways:
        if one in place and other in place:
            seconds[place[one], place[other]] = seconds[place[other], place[one]] = least
    return seconds


def _about(evidence: Evidence, out: Path, known: Known | None) -> dict[str, Any]:
    run = reproducible_facts(read_record(out))
    files = [camera["file"] for camera in run["cameras"] if "digest" in camera and "file" in camera]
    command = f"python -m core run {shlex.join(files)} --like gallery.zip --out again"
    offsets = evidence.offsets.tolist() if evidence.has_times else []
    return {
        **({"again": command} if files else {}),
        "run": run,
        "known_of_the_embedder": known and asdict(known),
        "looks": "less what is usual in each camera" if evidence.is_centered else "as they are",
        "same_ground": overlap_facts(evidence),
        "offset_seconds": dict(zip(evidence.cameras, offsets, strict=evidence.has_times)),
    }


PEOPLE_FILE, CANDIDATES_FILE, SIMILARITY_FILE = "people.csv", "candidates.csv", "similarity.npz"
GALLERY_FILE = "gallery.zip"
CUT_FOLDER = "cut"
"""Folder of the tracks of cameras in which one was cut; those in tracks/ stay as the run found them."""


@dataclass(frozen=True, eq=False)
class RunPeople:
    """`person` (n,) is the number of each of the evidence's tracklets; `threshold` the similarity that named them."""

    gallery: Gallery
    evidence: Evidence
    person: Ints
    threshold: float


def write_tables(people: MatchedPeople, out: Path, folder: Path | None = None) -> dict[str, Path]:
    """The tables of the run in folder `out`, there or in another `folder`; MOT text of each camera by its name."""
    below, gallery = folder or out, people.gallery
    write_atomically(below / PEOPLE_FILE, people_csv(gallery).encode())
    write_atomically(below / CANDIDATES_FILE, candidates_csv(gallery.lookalikes).encode())
    write_atomically(below / SIMILARITY_FILE, similarity_npz(people.evidence, people.match, gallery.about))
    return write_cut_tracks(people.evidence, out, below)


def write_cut_tracks(evidence: Evidence, out: Path, folder: Path) -> dict[str, Path]:
    """MOT text of each camera. Where a track is cut, a new file below `folder`; none stays there of an older cut."""
    shutil.rmtree(folder / CUT_FOLDER, ignore_errors=True)
    cameras = evidence.cameras if evidence.has_times else ()  # pictures by themselves have no boxes
    files = {camera: out / "tracks" / f"{camera}.txt" for camera in cameras}
    for camera in {cut.camera for cut in evidence.cuts}:
        files[camera] = folder / CUT_FOLDER / f"{camera}.txt"
        cuts = [cut for cut in evidence.cuts if cut.camera == camera]
        write_tracks(files[camera], split_tracks(load_tracks(out, camera), cuts))
    return files


def people_similarity(match: Match) -> tuple[Ints, Floats]:
    """The numbers of the people (k,), rising, and how alike they are, (k, k): the mean over all pairs of tracks.

    Of one person with itself, over the pairs of different tracks: NaN where there is only one.
    """
    people, group = np.unique(match.people().person, return_inverse=True)
    return people, group_similarity(match.similarity, group)


def similarity_npz(evidence: Evidence, match: Match, about: Mapping[str, Any]) -> bytes:
    """`about` says how it was made; it is kept as JSON text."""
    people, alike = people_similarity(match)
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


def load_people(out: Path) -> RunPeople:
    """The people of the run in folder `out`, as they were decided last; crops stay in their files until needed."""
    remedy = f"Decide again who is who: gallery {out}."
    sightings, threshold, about = _read_tables(out, remedy)
    choice = about.get("choice", {})
    evidence = apply_cuts(choice.get("links", ()), load_evidence(out), out)
    row_of = evidence.row_of
    rows = [row_of.get((sighting.camera, sighting.track), -1) for sighting in sightings]
    if sorted(rows) != list(range(len(row_of))):
        raise StoreError(f"{out / PEOPLE_FILE} is of other tracks than those in {out}", remedy)
    person = np.empty(len(rows), np.int64)
    person[rows] = [sighting.person for sighting in sightings]
    whole = [_complete(sighting, evidence, row, out) for sighting, row in zip(sightings, rows, strict=True)]
    names, remarks = names_by_person((Name(*name) for name in choice.get("names", ())), row_of, person.tolist())
    return RunPeople(Gallery(tuple(whole), names, remarks, about=about), evidence, person, threshold)


def _read_tables(out: Path, remedy: str) -> tuple[list[Sighting], float, dict[str, Any]]:
    """Sightings, the threshold that named their people, and how all of it was made."""
    for name in (PEOPLE_FILE, SIMILARITY_FILE):
        if not (out / name).is_file():
            raise StoreError(f"{out} holds no {name}, which says who is who", remedy)
    try:
        sightings = read_people((out / PEOPLE_FILE).read_text(encoding="utf-8"))
        with np.load(out / SIMILARITY_FILE, allow_pickle=False) as arrays:
            # To four places, as every text about the run names it.
            threshold, about = round(float(arrays["threshold"]), 4), json.loads(str(arrays["about"]))
            names = zip(arrays["camera"].tolist(), arrays["track"].tolist(), strict=True)
            people = dict(zip(names, arrays["person"].tolist(), strict=True))
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as fault:
        raise StoreError(f"{out / PEOPLE_FILE} or {SIMILARITY_FILE} cannot be read ({fault})", remedy) from fault
    if people != {(sighting.camera, sighting.track): sighting.person for sighting in sightings}:
        raise StoreError(f"{PEOPLE_FILE} and {SIMILARITY_FILE} in {out} name other people", remedy)
    return sightings, threshold, about


def _complete(sighting: Sighting, evidence: Evidence, row: int, out: Path) -> Sighting:
    """With what the table leaves out: colours and crops."""
    upper, lower = describe_colours(evidence.colours[row])
    return replace(sighting, upper=upper, lower=lower, crops=load_crops_of(evidence, row, out))


def find_run_model(record: dict[str, Any], kind: Kind, named: str = "") -> Model:
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


def run_prior(record: dict[str, Any]) -> Known | None:
    """What was measured elsewhere with the embedder of a run's record; its file is not needed for that."""
    facts = record.get("models", {}).get("embedder")
    if not isinstance(facts, dict):
        raise WeightsError("the run matched on motion alone", "Run it again with an embedder.")
    if facts.get("known"):
        return Known.of(facts["known"])
    # An older run did not keep it.
    return next((entry.model.known for entry in entries().values() if entry.matches(facts["sha256"])), None)
