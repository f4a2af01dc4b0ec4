"""The similarities as files: for those who cannot see a map, and for work elsewhere. They say how they were made."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from core.cases import Case
from core.people import between_csv
from core.results import record_of
from core.review import Desk
from pages.parts.export_tables import similarity


def files(case: Case, desk: Desk) -> None:
    names, _notes = desk.named

    def table() -> bytes:
        return between_csv(desk.match, names, about(case, desk)).encode("utf-8-sig")

    arrays = partial(similarity, case, desk)
    with st.container(horizontal=True):
        for label, make, name, kind in (
            ("People (CSV)", table, "people-similarity.csv", "text/csv"),
            ("Tracks and people (NumPy)", arrays, "similarity.npz", "application/octet-stream"),
        ):
            st.download_button(
                label, make, file_name=name, mime=kind, icon=":material/download:", on_click="ignore", key=name
            )
    st.caption("The table has one row and one column per person. Both files record the models and settings.")


def about(case: Case, desk: Desk) -> dict[str, Any]:
    """Models, settings and clips of the run, and what decides the groups."""
    record = record_of(desk.out)
    suggested = "chosen by the user" if desk.chosen is not None else "suggested"
    return {
        "program": record["program"],
        "run": case.run,
        "models": record["models"],
        "settings": record["settings"],
        "threshold": {"value": round(desk.match.threshold, 4), "is": suggested},
        "said by the user": len(desk.review.links),
    }
