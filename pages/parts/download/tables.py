"""Tables and tracks of the run that is shown, each made when its button is pressed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from core.export import tracks_zip
from core.http import called_of
from core.review import Desk
from core.runs import (
    Choice,
    Gallery,
    about_people,
    links_csv,
    names_csv,
    people_csv,
    people_of,
    sightings_csv,
    sightings_parquet,
    similarity_npz,
)
from core.workspace.cases import Case

Make = Callable[[], bytes]


def tables(case: Case, desk: Desk) -> None:
    """A button for each table of the people."""

    def people() -> Gallery:
        return people_of(desk.evidence, desk.match, desk.out, {}, desk.review.names)

    rows: list[tuple[str, str, Make, str]] = [
        ("Sightings (CSV)", "-sightings.csv", lambda: sightings_csv(people()).encode(), "One row per sighting."),
        (
            "Sightings (Parquet)",
            "-sightings.parquet",
            lambda: sightings_parquet(people()),
            "The same table, for programs.",
        ),
        ("People (CSV)", "-people.csv", lambda: people_csv(people()).encode(), "The person of each track."),
        ("Similarities (NumPy)", "-similarity.npz", partial(similarity, case, desk), "All pairwise similarities."),
    ]
    if desk.evidence.timed:
        boxes = "All boxes of all tracks, one text file per camera, in the format of the MOT benchmarks."
        rows.append(("Tracks (MOT text)", "-tracks.zip", partial(tracks_zip, desk.out, desk.evidence), boxes))
    if desk.review.links:
        decided = "Your decisions, for the --links option."
        rows.append(("Decisions (CSV)", "-decisions.csv", lambda: links_csv(desk.review.links).encode(), decided))
    if desk.review.names:
        named = "Names and notes, for the --names option."
        rows.append(("Names (CSV)", "-names.csv", lambda: names_csv(desk.review.names).encode(), named))
    with st.container(horizontal=True):
        for label, ending, make, hint in rows:
            _button(case, label, ending, make, hint)


def similarity(case: Case, desk: Desk) -> bytes:
    """How alike all are, as the command line writes it beside the same people."""
    said = Choice(case.threshold, desk.review.links, names=desk.review.names, purpose=case.purpose)
    about = about_people(desk.whole, desk.out, desk.known, said)
    gallery = people_of(desk.evidence, desk.match, desk.out, about, desk.review.names)
    return similarity_npz(desk.evidence, desk.match, gallery.about)


def tracks_alone(case: Case, out: Path) -> None:
    """What there is of a run that compared nobody."""
    with st.container(horizontal=True):
        _button(case, "Tracks (MOT text)", "-tracks.zip", partial(tracks_zip, out), "One text file per camera.")
        for name in ("tracks.parquet", "run.json"):
            if (out / name).is_file():
                hint = "All boxes of all cameras." if name.endswith("parquet") else "Settings, models and versions."
                _button(case, name, f"-{name}", (out / name).read_bytes, hint)


def _button(case: Case, label: str, ending: str, make: Make, hint: str) -> None:
    st.download_button(
        label,
        make,
        file_name=called_of(case, ending),
        key=f"get {ending}",
        icon=":material/download:",
        help=hint,
        on_click="ignore",
    )
