"""Who is who in a run: matching its tracklets with the user's decisions, and the tables of the result.

`decide` only computes. `write_tables` writes the tables to the run's folder and `load_people` reads them:

    DIR/people.csv, candidates.csv, similarity.npz    who each track is, who else it may be, and all similarities
    DIR/cut/<camera>.txt                              MOT text of a camera in which a track was cut by hand, or marked
                                                      as a thing or a person

The people of a run are read from these tables alone. The zip file of the gallery is an export, and may be gone.
"""

from __future__ import annotations

import io
import json
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.base.errors import SettingsError, StoreError, WeightsError
from core.base.settings import setting
from core.base.text import Clocks, one_line
from core.base.types import Floats, Ints, Seconds
from core.machine.artifacts import read_arrays
from core.machine.paths import write_atomically
from core.machine.records import DAMAGE
from core.runs.cutting import split_tracks
from core.runs.decisions import (
    Link,
    Name,
    PersonNumber,
    apply_links,
    names_by_person,
    new_numbers,
    numbers_by_row,
    resolve_links,
)
from core.runs.evidence import CROPS_FOLDER, Evidence, load_evidence
from core.runs.explain import find_lookalikes
from core.runs.gallery import Crop, Gallery, Sighting
from core.runs.record import ModelRecord, RunRecord, read_record, reproducible_facts
from core.runs.shared_ground import foot_distances, overlap_records
from core.runs.tables import candidates_csv, load_tracks, people_csv, read_people
from core.vision.appearance import describe_colours
from core.vision.match import Identities, Match, group_similarity, match
from core.vision.models import EmbedderPrior, Model, ModelKind, entries, find
from core.vision.mot import write_tracks

UNKNOWN_MODEL, UNKNOWN_FEW = EmbedderPrior(0.3, 0.25, 0.7), EmbedderPrior(-0.15, 0.25, 0.35)
"""Cautious values for embedders of which nothing was measured."""

PEOPLE_FILE, CANDIDATES_FILE, SIMILARITY_FILE = "people.csv", "candidates.csv", "similarity.npz"
GALLERY_FILE = "gallery.zip"
CUT_FOLDER = "cut"
"""Folder of the tracks of cameras in which a track was cut or marked by hand; those in tracks/ stay as the run wrote
them."""


class TravelTime(NamedTuple):
    """The least seconds that anybody needs between two cameras, in either direction."""

    camera: str
    other_camera: str
    seconds: float


class MatchRules(NamedTuple):
    """What matching goes by beside appearance and decisions; the fields are those of `Choice`."""

    travel: tuple[TravelTime, ...] = ()
    ignore_positions: bool = False


@dataclass(frozen=True)
class Choice:
    """The user's settings and decisions for matching. Without a `threshold`, the clips themselves suggest one.

    `links` are decisions on tracks. `travel` holds the least times between cameras; cameras without one may see the
    same place. `ignore_positions` leaves the places of people out of matching. `names` go with the people of their
    tracks, `numbers` are those that people have (without any, they are numbered by rank), `purpose` is the reason for
    the search, and `keep_until` the day (ISO text) until which what was found is to be kept. `clocks` are the wall
    clocks of all cameras: times are shown by them, and they decide nothing else.
    Options of an export are not part of it.
    """

    threshold: float | None = None
    links: tuple[Link, ...] = ()
    travel: tuple[TravelTime, ...] = ()
    ignore_positions: bool = False
    names: tuple[Name, ...] = ()
    purpose: str = ""
    numbers: tuple[PersonNumber, ...] = ()
    clocks: Clocks = field(default_factory=Clocks)
    keep_until: str = ""

    def __post_init__(self) -> None:
        setting("cos").require(self.threshold)

    @property
    def rules(self) -> MatchRules:
        return MatchRules(self.travel, self.ignore_positions)


@dataclass(frozen=True, eq=False)
class MatchedPeople:
    """The result of matching. The tracks of `evidence` are cut as the user decided; `match` has its tracklets as rows.

    `gallery` holds the people with their names, the lookalikes of each track and all that decided the result. Crops
    stay in their files until they are needed.
    """

    evidence: Evidence
    match: Match
    gallery: Gallery


@dataclass(frozen=True, eq=False)
class RunPeople:
    """The people of a run as its tables hold them: `person` (n,) is the number of each tracklet's person, `threshold`
    the similarity threshold that grouped them."""

    gallery: Gallery
    evidence: Evidence
    person: Ints
    threshold: float


def decide(evidence: Evidence, out: Path, prior: EmbedderPrior | None, choice: Choice | None = None) -> MatchedPeople:
    """Match the people of the run in folder `out`. Nothing is written."""
    settings = choice or Choice()
    cut_evidence, result = match_people(evidence, out, prior, settings)
    return build_people(cut_evidence, result, out, about_people(evidence, out, prior, settings), settings.names)


def build_people(
    evidence: Evidence, match: Match, out: Path, about: Mapping[str, Any], names: Sequence[Name] = ()
) -> MatchedPeople:
    """The people of a match with the lookalikes of each track, which take longer than the people alone."""
    gallery = build_gallery(evidence, match, out, about, names)
    lookalikes = tuple(find_lookalikes(evidence, match, out))
    return MatchedPeople(evidence, match, replace(gallery, lookalikes=lookalikes))


def prior_for(evidence: Evidence, prior: EmbedderPrior | None) -> EmbedderPrior:
    """The prior that fits the vectors of `evidence`, which may be centred by camera."""
    plain_prior = prior or UNKNOWN_MODEL
    return (plain_prior.few_impostors or UNKNOWN_FEW) if evidence.is_centered else plain_prior


def match_people(evidence: Evidence, out: Path, prior: EmbedderPrior | None, choice: Choice) -> tuple[Evidence, Match]:
    """The evidence after the user's cuts, and its match. Nothing is written."""
    cut_evidence = apply_links(choice.links, evidence, out)
    found = match_tracklets(cut_evidence, prior, choice.threshold, choice.links, choice.rules)
    return cut_evidence, number_match(found, cut_evidence, choice.numbers)


def match_tracklets(
    evidence: Evidence, prior: EmbedderPrior | None, threshold: float | None, links: Sequence[Link], rules: MatchRules
) -> Match:
    """The match of evidence that is cut as `links` say; people are numbered by rank."""
    return match(
        evidence.tracklets,
        prior_for(evidence, prior),
        threshold,
        resolve_links(links, evidence),
        _travel_seconds(rules.travel, evidence),
        None if rules.ignore_positions else foot_distances(evidence),
        evidence.presence,
        evidence.face_similarity,
    )


def number_match(found: Match, evidence: Evidence, numbers: Sequence[PersonNumber]) -> Match:
    """The match with these numbers of people; tracklets without one get the next numbers, by rank."""
    if not numbers:
        return found
    by_row = numbers_by_row((*numbers, *new_numbers(numbers, evidence)), evidence)
    return replace(found, number=np.array([row_numbers[0] for row_numbers in by_row], np.int64))


def about_people(evidence: Evidence, out: Path, prior: EmbedderPrior | None, choice: Choice) -> dict[str, Any]:
    """Everything that decides the people of the run in folder `out`, for the manifest of an export."""
    choices = {
        "threshold": choice.threshold,
        "links": [link.to_dict() for link in choice.links],
        "travel": list(choice.travel),
        "looks_only": choice.ignore_positions,
        "names": list(choice.names),
        **({"numbers": list(choice.numbers)} if choice.numbers else {}),
        **({"clocks": choice.clocks.to_dict()} if choice.clocks else {}),
    }
    case = {"purpose": one_line(choice.purpose), "keep_until": choice.keep_until}
    given = {name: text for name, text in case.items() if text}
    return {**_about(evidence, out, prior), **given, "choice": choices}


def build_gallery(
    evidence: Evidence, match: Match, out: Path, about: Mapping[str, Any], names: Sequence[Name] = ()
) -> Gallery:
    """The gallery at the match's threshold; crops stay in their files below `out` until they are needed."""
    people = match.people()
    sightings = [_sighting(evidence, people, row, out) for row in range(len(evidence.tracklets))]
    cuts = {"cuts": [cut.to_dict() for cut in evidence.cuts]} if evidence.cuts else {}
    matching = {**_matching(match), **cuts}
    name_of, note_of = names_by_person(names, evidence.row_of, people.person.tolist())
    failures = tuple(_failed_camera_notes(about))
    clocks = recorded_clocks(about)
    return Gallery(tuple(sightings), name_of, note_of, failures, {**about, "matching": matching}, clocks=clocks)


def recorded_clocks(about: Mapping[str, Any]) -> Clocks:
    """The wall clocks among the facts of a gallery; none where it has none, as those of version 0.1.0."""
    return Clocks.read(**about.get("choice", {}).get("clocks", {"began": {}, "zone": ""}))


def load_clocks(out: Path) -> Clocks:
    """The wall clocks by which the people in the run's folder `out` were written; none where there are no people."""
    try:
        return recorded_clocks(_read_tables(out, "")[2])
    except StoreError:
        return Clocks()


def _failed_camera_notes(about: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each camera that failed: the reader of the report must know."""
    for camera in about.get("run", {}).get("cameras", ()):
        if "failed" in camera:
            yield f"{camera['camera']} could not be analysed and is left out: {camera['failed']}"


def _sighting(evidence: Evidence, people: Identities, row: int, out: Path) -> Sighting:
    start, end = evidence.clip_seconds(row)
    upper, lower = describe_colours(evidence.colours[row])
    return Sighting(
        camera=evidence.cameras[evidence.tracklets.camera[row]],
        track=int(evidence.tracklets.track[row]),
        person=int(people.person[row]),
        start_seconds=float(np.maximum(start, 0)),
        end_seconds=float(np.maximum(end, 0)),
        similarity=float(people.similarity[row]),
        status=people.status(row),
        upper=upper,
        lower=lower,
        crops=crops_of_tracklet(evidence, row, out),
    )


def crops_of_tracklet(evidence: Evidence, row: int, out: Path) -> tuple[Crop, ...]:
    """The crops of a tracklet, best first, in their files below `out`."""
    crops = evidence.crops.of(row)
    return tuple(
        Crop(float(seconds), int(frame), out / CROPS_FOLDER / str(name))
        for seconds, frame, name in zip(crops.seconds, crops.frame, crops.name, strict=True)
    )


def _matching(match: Match) -> dict[str, Any]:
    """The threshold and the share of false links expected at it, for the manifest."""
    share, low, high = match.calibration.at(match.threshold)
    return {
        "threshold": round(match.threshold, 4),
        "suggested": round(match.calibration.threshold, 4),
        "words": match.calibration.description,
        "expected_false_share": {"share": round(share, 4), "low": round(low, 4), "high": round(high, 4)},
        "pairs_of_certain_strangers": match.calibration.pairs,
    }


def _travel_seconds(travel_times: Sequence[TravelTime], evidence: Evidence) -> Seconds | None:
    """Least seconds between the cameras of the evidence, (cameras, cameras); None without travel times."""
    if not travel_times:
        return None
    if not evidence.has_times:
        raise SettingsError("these pictures have no times", "Leave out the travel times.")
    position = {camera: number for number, camera in enumerate(evidence.cameras)}
    seconds = np.zeros((len(position), len(position)))
    for camera, other_camera, least in travel_times:
        if camera in position and other_camera in position:
            row, column = position[camera], position[other_camera]
            seconds[row, column] = seconds[column, row] = least
    return seconds


def _about(evidence: Evidence, out: Path, prior: EmbedderPrior | None) -> dict[str, Any]:
    record = read_record(out)
    files = [camera.file for camera in record.cameras.values() if camera.digest and camera.file]
    command = f"python -m core run {shlex.join(files)} --like gallery.zip --out again"
    offsets = evidence.offsets.tolist() if evidence.has_times else []
    return {
        **({"again": command} if files else {}),
        "run": reproducible_facts(record),
        "known_of_the_embedder": prior and prior.to_dict(),
        "looks": "less what is usual in each camera" if evidence.is_centered else "as they are",
        "same_ground": [asdict(each) for each in overlap_records(evidence)],
        "offset_seconds": dict(zip(evidence.cameras, offsets, strict=evidence.has_times)),
    }


def write_tables(people: MatchedPeople, out: Path, folder: Path | None = None) -> dict[str, Path]:
    """Write the tables of the run in folder `out`, there or in another `folder`; the MOT file of each camera."""
    below, gallery = folder or out, people.gallery
    write_atomically(below / PEOPLE_FILE, people_csv(gallery).encode())
    write_atomically(below / CANDIDATES_FILE, candidates_csv(gallery.lookalikes, gallery.clocks).encode())
    write_atomically(below / SIMILARITY_FILE, similarity_npz(people.evidence, people.match, gallery.about))
    return write_cut_tracks(people.evidence, out, below)


def write_cut_tracks(evidence: Evidence, out: Path, folder: Path) -> dict[str, Path]:
    """The MOT file of each camera, without things: a new one below `folder` where the user has cut a track, or made it
    a thing or a person. Files of earlier decisions are removed."""
    shutil.rmtree(folder / CUT_FOLDER, ignore_errors=True)
    cameras = evidence.cameras if evidence.has_times else ()  # imported crops have no boxes
    files = {camera: out / "tracks" / f"{camera}.txt" for camera in cameras}
    reviewed = {camera for camera, _ in evidence.reviewed_objects} & set(cameras)
    for camera in {cut.camera for cut in evidence.cuts} | reviewed:
        files[camera] = folder / CUT_FOLDER / f"{camera}.txt"
        cuts = [cut for cut in evidence.cuts if cut.camera == camera]
        parts = split_tracks(load_tracks(out, camera), cuts)
        write_tracks(files[camera], parts.without(evidence.objects_of(camera)))
    return files


def people_similarity(match: Match) -> tuple[Ints, Floats]:
    """The numbers of the people (k,), rising, and their similarities (k, k), the means over all pairs of tracks.

    The diagonal is the mean over the pairs of different tracks of a person, NaN for a person with one track.
    """
    people, group = np.unique(match.people().person, return_inverse=True)
    return people, group_similarity(match.similarity, group)


def similarity_npz(evidence: Evidence, match: Match, about: Mapping[str, Any]) -> bytes:
    """The content of `similarity.npz`. `about` says how it was made, and is stored as JSON text."""
    people, between_people = people_similarity(match)
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
        between=between_people,
        threshold=match.threshold,
        about=np.array(json.dumps(about, ensure_ascii=False)),
    )
    return buffer.getvalue()


def load_people(out: Path) -> RunPeople:
    """The people in the tables of the run in folder `out`. Crops stay in their files until they are needed."""
    remedy = f"Match the people again: gallery {out}."
    sightings, threshold, about = _read_tables(out, remedy)
    choice = about.get("choice", {})
    evidence = apply_links(map(Link.from_dict, choice.get("links", ())), load_evidence(out), out)
    row_of = evidence.row_of
    rows = [row_of.get((sighting.camera, sighting.track), -1) for sighting in sightings]
    if sorted(rows) != list(range(len(row_of))):
        raise StoreError(f"{out / PEOPLE_FILE} has other tracks than the run in {out}", remedy)
    person = np.empty(len(rows), np.int64)
    person[rows] = [sighting.person for sighting in sightings]
    complete = tuple(_complete(sighting, evidence, row, out) for sighting, row in zip(sightings, rows, strict=True))
    names, remarks = names_by_person((Name(*name) for name in choice.get("names", ())), row_of, person.tolist())
    gallery = Gallery(complete, names, remarks, about=about, clocks=recorded_clocks(about))
    return RunPeople(gallery, evidence, person, threshold)


def _read_tables(out: Path, remedy: str) -> tuple[list[Sighting], float, dict[str, Any]]:
    """The sightings, the threshold that grouped them into people, and how all of it was made."""
    for name in (PEOPLE_FILE, SIMILARITY_FILE):
        if not (out / name).is_file():
            raise StoreError(f"{out} has no {name}, so its people are unknown", remedy)
    try:
        sightings = read_people((out / PEOPLE_FILE).read_text(encoding="utf-8"))
        arrays = read_arrays(out / SIMILARITY_FILE)
        # Four decimals, as in every text about the run.
        threshold, about = round(float(arrays["threshold"]), 4), json.loads(str(arrays["about"]))
        names = zip(arrays["camera"].tolist(), arrays["track"].tolist(), strict=True)
        people = dict(zip(names, arrays["person"].tolist(), strict=True))
    except (OSError, *DAMAGE) as fault:
        raise StoreError(f"{out / PEOPLE_FILE} or {SIMILARITY_FILE} cannot be read ({fault})", remedy) from fault
    if people != {(sighting.camera, sighting.track): sighting.person for sighting in sightings}:
        raise StoreError(f"{PEOPLE_FILE} and {SIMILARITY_FILE} in {out} name different people", remedy)
    return sightings, threshold, about


def _complete(sighting: Sighting, evidence: Evidence, row: int, out: Path) -> Sighting:
    """The sighting with what the table leaves out: colours and crops."""
    upper, lower = describe_colours(evidence.colours[row])
    return replace(sighting, upper=upper, lower=lower, crops=crops_of_tracklet(evidence, row, out))


def find_run_model(models: Mapping[str, ModelRecord | str], kind: ModelKind, named: str = "") -> Model:
    """The model of this kind among those that a run's record names, found by its name or by `named`; it must be the
    same file."""
    facts = models.get(kind)
    if not isinstance(facts, ModelRecord):
        raise WeightsError(f"the run had no {kind}", "Choose a run that had one.")
    try:
        model = find(named or facts.name, kind)
    except WeightsError as fault:
        flag = {"embedder": "--features", "detector": "--weights"}[kind]
        raise WeightsError(
            f"the run's {kind} was not found: {fault.message}", f"Name its file: {flag} FILE."
        ) from fault
    if model.digest != facts.sha256:
        raise WeightsError(
            f"{model.name} is no longer the {kind} of the run: its SHA-256 starts with {model.digest[:12]}, "
            f"that of the run's {kind} with {facts.sha256[:12]}",
            "Name the file that the run used, or run again with this one.",
        )
    return model


def run_prior(record: RunRecord) -> EmbedderPrior | None:
    """The similarities measured elsewhere with the embedder in a run's record; its file is not needed."""
    facts = record.models.get("embedder")
    if not isinstance(facts, ModelRecord):
        raise WeightsError("the run matched on motion alone", "Run it again with an embedder.")
    # Records of older versions do not have it.
    named = (entry.model.prior for entry in entries().values() if entry.matches_digest(facts.sha256))
    return facts.prior or next(named, None)
