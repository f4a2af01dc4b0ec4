"""Tables and tracks of the run, each created when its button is pressed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st

from core.export import tracks_zip
from core.http import download_name
from core.review import ReviewSession
from core.runs import (
    Choice,
    Gallery,
    about_people,
    build_gallery,
    links_csv,
    names_csv,
    numbers_csv,
    people_csv,
    sightings_csv,
    sightings_parquet,
    similarity_npz,
)
from core.workspace import clocks_of
from core.workspace.cases import Case

Make = Callable[[], bytes]


def show_tables(case: Case, session: ReviewSession) -> None:
    """A button for each table of the people."""

    def people() -> Gallery:
        gallery = build_gallery(session.evidence, session.match, session.out, {}, session.review.names)
        return replace(gallery, clocks=clocks_of(case, session.out))

    rows: list[tuple[str, str, Make, str]] = [
        ("Sightings (CSV)", "-sightings.csv", lambda: sightings_csv(people()).encode(), "One row per sighting."),
        (
            "Sightings (Parquet)",
            "-sightings.parquet",
            lambda: sightings_parquet(people()),
            "The same table, for programs.",
        ),
        ("People (CSV)", "-people.csv", lambda: people_csv(people()).encode(), "The person of each track."),
        ("Similarities (NumPy)", "-similarity.npz", partial(similarity, case, session), "All pairwise similarities."),
    ]
    if session.evidence.has_times:
        hint = "All boxes of all tracks, one text file per camera, in the format of the MOT benchmarks."
        rows.append(("Tracks (MOT text)", "-tracks.zip", partial(tracks_zip, session.out, session.evidence), hint))
    if session.review.links:
        hint = "Your decisions, for the --links option."
        rows.append(("Decisions (CSV)", "-decisions.csv", lambda: links_csv(session.review.links).encode(), hint))
    if session.numbers:
        hint = "The numbers of people, for the --numbers option."
        rows.append(("Numbers (CSV)", "-numbers.csv", lambda: numbers_csv(session.numbers).encode(), hint))
    if session.review.names:
        hint = "Names and notes, for the --names option."
        rows.append(("Names (CSV)", "-names.csv", lambda: names_csv(session.review.names).encode(), hint))
    with st.container(horizontal=True):
        for label, suffix, make, hint in rows:
            _button(case, label, suffix, make, hint)


def similarity(case: Case, session: ReviewSession) -> bytes:
    """The similarities of all pairs, in the same form as on the command line."""
    choice = Choice(
        case.threshold,
        session.review.links,
        *session.rules,
        names=session.review.names,
        purpose=case.purpose,
        keep_until=case.keep_until,
        numbers=session.numbers,
        clocks=clocks_of(case, session.out),
    )
    about = about_people(session.uncut_evidence, session.out, session.prior, choice)
    gallery = build_gallery(session.evidence, session.match, session.out, about, session.review.names)
    return similarity_npz(session.evidence, session.match, gallery.about)


def show_track_files(case: Case, out: Path) -> None:
    """The files of a run without a re-identification model."""
    with st.container(horizontal=True):
        _button(case, "Tracks (MOT text)", "-tracks.zip", partial(tracks_zip, out), "One text file per camera.")
        for name in ("tracks.parquet", "run.json"):
            if (out / name).is_file():
                hint = "All boxes of all cameras." if name.endswith("parquet") else "Settings, models and versions."
                _button(case, name, f"-{name}", (out / name).read_bytes, hint)


def _button(case: Case, label: str, suffix: str, make: Make, hint: str) -> None:
    st.download_button(
        label,
        make,
        file_name=download_name(case, suffix),
        key=f"get {suffix}",
        icon=":material/download:",
        help=hint,
        on_click="ignore",
    )
