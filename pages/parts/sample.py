"""The one click that opens our own footage, for whoever has none at hand."""

from typing import Literal

import streamlit as st

from core.amounts import duration
from core.errors import SightlineError
from core.jobs.sampling import sample_here
from core.sample import sample_clips, sample_folder
from pages.parts.adding import sample_case
from pages.parts.case import show


def offer_sample(primary: bool = False) -> None:
    """A button; with the first click on a machine the footage is drawn, which takes about a minute."""
    ready = bool(sample_clips(sample_folder()))
    words = "Three cameras over a plaza, 30 s, eight people. Drawn by us: nobody in it is anybody."
    words += "" if ready else " It is drawn on this machine first, which takes about a minute."
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    if not st.button("Open the sample", icon=":material/movie:", help=words, type=kind):
        return
    bar = st.empty()

    def tell(share: float, left: float | None) -> None:
        after = "" if left is None else f", {duration(left)} left"
        bar.progress(min(share, 1.0), f"Drawing the sample{after}. Leaving this page stops it.")

    try:
        sample_here(tell)
        key = sample_case()
    except SightlineError as fault:
        st.error(f"**{fault.message}.** {fault.remedy}")
        return
    show(key)
    st.rerun()
