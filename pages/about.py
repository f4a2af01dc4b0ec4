"""About: version, licence, the source of the running program, and the licences of what it is built on."""

import streamlit as st

from core import __version__
from core.export import PROGRAM_ROOT, source_address, source_name, source_zip
from core.vision.models import entries

_KINDS = {
    "detector": "Person detector",
    "embedder": "Re-identification model",
    "head finder": "covers heads in exports",
}


def source_button() -> None:
    """A link to the published source; without one, a download of the files that this server runs from."""
    if address := source_address():
        st.link_button("Open the source code", address, icon=":material/code:")
        return
    st.download_button(
        "Download the source code",
        source_zip,
        file_name=source_name(),
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        help="The files that this server runs from, including any local changes.",
    )


def model_table() -> None:
    """The licence of each model that Sightline can use, whether or not it is installed."""
    st.dataframe(
        [
            {
                "Model": entry.model.name,
                "Use": _KINDS[entry.model.kind],
                "Licence": entry.model.licence,
                "Source": entry.model.source,
            }
            for entry in entries().values()
        ],
        hide_index=True,
        width="stretch",
    )


st.title("About")
st.markdown(
    f"**Sightline {__version__}** finds people in CCTV recordings and shows which of them may be the same person, "
    "camera by camera. Recordings and results stay on this machine."
)
st.header("Licence and source code")
st.markdown(
    "Sightline is free software under the **GNU Affero General Public License, version 3 or later** "
    "(AGPL-3.0-or-later). You may use, study, share and change it. It comes without any warranty. "
    "If you let others use a changed version over a network, you must offer them its source code."
)
source_button()
with st.expander("Read the licence"):
    st.code((PROGRAM_ROOT / "LICENSE").read_text(encoding="utf-8"), language=None, height=400)
st.header("Third-party notices")
st.markdown(
    "Models have licences of their own. Those marked as ours come with Sightline; the others are used only if you "
    "install them."
)
model_table()
st.caption(
    "The Python packages that Sightline uses are listed in `requirements.txt`. Each is installed with its own licence."
)
