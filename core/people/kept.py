"""Who is who in a run that is done, as it was decided last: read from what it left, nothing decided again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import StoreError, WeightsError
from core.gallery import Gallery, read_zip
from core.people.evidence import Evidence, load_evidence
from core.people.links import cut_as_said
from core.people.writing import pictures_of
from core.types import Ints
from core.weights import Kind, Known, Model, find
from core.weights.manifest import entries

ZIP = "gallery.zip"


@dataclass(frozen=True, eq=False)
class Decided:
    """`person` (n,) is the number of each of the evidence's tracklets; `threshold` the similarity that named them."""

    gallery: Gallery
    evidence: Evidence
    person: Ints
    threshold: float


def load_people(out: Path) -> Decided:
    """The people of the run in folder `out`; crops stay in their files until they are needed."""
    remedy = f"Decide again who is who: gallery {out}."
    if not (out / ZIP).is_file():
        raise StoreError(f"{out} holds no {ZIP}, which says who is who", remedy)
    held = read_zip(out / ZIP)
    evidence = cut_as_said(held.about.get("choice", {}).get("links", ()), load_evidence(out), out)
    row_of = evidence.row_of
    of = [row_of.get((sighting.camera, sighting.track), -1) for sighting in held.sightings]
    try:
        threshold = float(held.about["matching"]["threshold"])
    except (KeyError, TypeError, ValueError) as fault:
        raise StoreError(f"{out / ZIP} does not say at which similarity people were named", remedy) from fault
    if sorted(of) != list(range(len(row_of))):
        raise StoreError(f"{out / ZIP} is of other tracks than those in {out}", remedy)
    person = np.empty(len(of), np.int64)
    person[of] = [sighting.person for sighting in held.sightings]
    whole = [replace(s, crops=pictures_of(evidence, row, out)) for s, row in zip(held.sightings, of, strict=True)]
    return Decided(replace(held, sightings=tuple(whole)), evidence, person, threshold)


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
