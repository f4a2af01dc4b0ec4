"""Footage: pick clips, see what they are, name their cameras."""

from pathlib import Path

import streamlit as st

from core.errors import SightlineError
from core.footage import footage_root, inside, keep_upload, look_into
from pages.parts.cards import clip_cards
from pages.parts.choices import choices, keep_in_address
from pages.parts.looking import look_at
from pages.parts.plan import go_on_to
from pages.parts.sample import offer_sample

chosen = choices()


def picked_here(here: list[str]) -> None:
    """Clips picked in other folders stay picked."""
    wanted = st.session_state["picked"]
    chosen.clips = [clip for clip in chosen.clips if clip not in here or clip in wanted]
    for clip in wanted:
        chosen.add(Path(clip))


def go_to(folder: Path) -> None:
    chosen.folder = str(folder)
    st.session_state["folder"] = chosen.folder


def step_down() -> None:
    if st.session_state["step"]:
        go_to(Path(st.session_state["step"]))
        st.session_state["step"] = None


def from_folder() -> None:
    root = footage_root()
    st.session_state.setdefault("folder", chosen.folder or str(root))
    text = st.text_input("Folder", key="folder", help=f"Any folder inside {root}. SIGHTLINE_FOOTAGE sets another root.")
    chosen.folder = text
    try:
        folder = look_into(inside(text, root), root)
    except SightlineError as fault:
        st.warning(f"**{fault.message}.** {fault.remedy}")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            "Up",
            icon=":material/arrow_upward:",
            on_click=go_to,
            args=(folder.path.parent,),
            disabled=folder.path == root,
        )
        if folder.folders:
            names = [str(path) for path in folder.folders]
            st.selectbox(
                "Go to a folder in here",
                names,
                index=None,
                key="step",
                format_func=lambda p: Path(p).name,
                on_change=step_down,
                placeholder=f"Go to one of {len(names)} folders in here",
                label_visibility="collapsed",
            )
    here = [str(path) for path in folder.clips]
    if not here:
        st.caption("No video files or folders of pictures directly in this folder: go to another one.")
        return
    st.session_state["picked"] = [clip for clip in chosen.clips if clip in here]
    st.multiselect(
        f"Clips in this folder ({len(here)})",
        here,
        key="picked",
        format_func=lambda p: Path(p).name + ("/" if Path(p).is_dir() else ""),
        on_change=picked_here,
        args=(here,),
        placeholder="Choose clips",
    )


def from_upload() -> None:
    files = st.file_uploader(
        "Small clips from another place",
        accept_multiple_files=True,
        key="uploads",
        help="For clips of up to 300 MB. Put larger ones into a folder and pick them there.",
    )
    for file in files:
        if file.file_id not in chosen.uploaded:
            chosen.uploaded.append(file.file_id)
            chosen.add(keep_upload(file.name, file))


st.title("Sightline")
st.markdown(
    "Finds and follows the people in your CCTV clips. Everything happens on this machine; nothing is sent anywhere."
)
by_folder, by_upload = st.tabs(["From a folder of this machine", "Upload small clips"])
with by_folder:
    from_folder()
with by_upload:
    from_upload()

keep_in_address()
if not chosen.clips:
    st.info(
        "**Start here:** go to the folder of your footage and pick one or more clips, one for each camera. "
        "Nothing is changed in it. No footage at hand? Open the sample.",
        icon=":material/arrow_upward:",
    )
    offer_sample(chosen)
    st.stop()
looked = look_at(chosen.clips)
usable = [one for one in looked if one.usable]
left = len(looked) - len(usable)
st.subheader(f"{len(usable)} of {len(looked)} clips can be used" if left else f"Picked: {len(usable)}")
cameras = clip_cards(looked)
if cameras:
    go_on_to("run", "Next: find and track people")
