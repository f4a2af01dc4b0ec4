"""`doctor`: what is here, what is missing, and the line that mends it.

It downloads nothing, changes nothing and connects to nothing but the app's port on this machine. It names no case, clip
or person, and the home folder is written as ~, so that what it prints can be sent to somebody who helps.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from core import __version__
from core.base.errors import SightlineError, StoreError
from core.base.settings import MachineSettings, ModelSettings
from core.base.text import format_bytes
from core.machine.device import (
    INSTALL,
    cuda_devices,
    has_cuda,
    processor_features,
    pytorch_has_cuda,
    require_opencv,
    usable_processors,
)
from core.machine.offline import import_openvino
from core.machine.paths import folder_state, has_data, platform_cache_dir, platform_data_dir
from core.machine.servers import running_servers
from core.machine.settings_file import load_settings, machine_settings

if TYPE_CHECKING:
    from core.vision.models import Model

Level = Literal["ok", "absent", "note", "fault"]
"""`absent` is what nobody needs; the app works beside a note, and does not beside a fault."""
_MARKS: Mapping[Level, str] = {"ok": "ok", "absent": "-", "note": "note", "fault": "FAULT"}
_PACKAGES = {
    **dict.fromkeys(("torch", "torchvision", "ultralytics", "openvino", "opencv-python", "numpy"), "the networks"),
    **dict.fromkeys(("av", "streamlit", "pyarrow", "scikit-learn"), "the app"),
}
_OLDEST_PYTHON, _FIRST_UNTRIED_PYTHON = (3, 11), (3, 14)
_LITTLE_MEMORY, _LITTLE_ROOM, _NO_ROOM = 4e9, 5e9, 2e8
"""Bytes: a run of an hour takes 1 GB of memory, and its boxes, crops and films a few on the disk."""
_DEFAULT_PORT = 8501
_CONNECT_SECONDS = 0.5


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `details` are lines of their own, `facts` its numbers, for programs."""

    part: str
    name: str
    level: Level
    text: str
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    details: tuple[str, ...] = ()


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("--json", action="store_true", help="print JSON, for programs")
    p.add_argument("--port", type=int, help=f"port to look at (STREAMLIT_SERVER_PORT, or {_DEFAULT_PORT})")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """0 if the app can find people in clips, 1 otherwise."""
    # Looked at first, because much of the rest makes them and closes them to others.
    places = list(folders())
    found = [*program(), *machine(), *places, *video(), *models(), port(options.port or _usual_port())]
    works = all(each.level != "fault" for each in found)
    text = _as_json(found, works) if options.json else _as_text(found, works)
    sys.stdout.write(_without_home(text))
    return 0 if works else 1


def program() -> Iterator[Finding]:
    """Python, the packages and the user's settings."""
    python = platform.python_version()
    is_tried = _OLDEST_PYTHON <= sys.version_info[:2] < _FIRST_UNTRIED_PYTHON
    remedy = "" if is_tried else "Install Python 3.11, 3.12 or 3.13 and set Sightline up with it."
    yield Finding("Program", "Sightline", "ok", __version__)
    yield Finding("Program", "Python", "ok" if is_tried else "fault", f"{python}, {sys.executable}", remedy)
    for name, purpose in _PACKAGES.items():
        try:
            yield Finding("Program", name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding("Program", name, "fault", f"not installed; {purpose} cannot do without", INSTALL)
    yield from _refused("Program", "OpenCV", require_opencv)
    yield from _refused("Program", "OpenVINO", import_openvino)
    yield from _refused("Program", "settings", load_settings)


def _refused(part: str, name: str, attempt: Callable[[], object]) -> Iterator[Finding]:
    """A fault if the attempt fails; nothing otherwise. A folder that cannot be used is said where folders are."""
    with suppress(StoreError):
        try:
            attempt()
        except SightlineError as error:
            yield Finding(part, name, "fault", error.message, error.remedy)
        except (ImportError, OSError) as error:
            yield Finding(part, name, "fault", f"cannot be loaded ({error})", INSTALL)


def machine() -> Iterator[Finding]:
    """Processors, memory, GPU."""
    import psutil  # type: ignore[import-untyped]

    processors, features = usable_processors(), processor_features()
    text = f"{processors} usable, {platform.machine()}" + "".join(f", {name}" for name in features)
    yield Finding("Machine", "system", "ok", f"{platform.system()} {platform.release()}")
    yield Finding("Machine", "processors", "ok", text, facts={"usable": processors, "features": features})
    memory = psutil.virtual_memory()
    is_little = memory.total < _LITTLE_MEMORY
    yield Finding(
        "Machine",
        "memory",
        "note" if is_little else "ok",
        f"{format_bytes(memory.total)}, {format_bytes(memory.available)} of it available",
        "Close other programs during a run, and choose Quick." if is_little else "",
        {"total": memory.total, "available": memory.available},
    )
    yield gpu()


def gpu() -> Finding:
    """What the networks run on beside the processor, or why on nothing else."""
    if has_cuda() and not pytorch_has_cuda():
        # Who chose another device needs no such PyTorch.
        level: Level = "fault" if _device() in ("auto", "cuda", "gpu") else "note"
        return Finding(
            "Machine",
            "GPU",
            level,
            f"{', '.join(cuda_devices().names)}, for which the PyTorch that is installed was not built",
            'Install PyTorch for CUDA (https://pytorch.org), or write device = "openvino" into sightline.toml.',
            {"cuda": False, "devices": cuda_devices().names},
        )
    if has_cuda():
        names = cuda_devices().names
        return Finding("Machine", "GPU", "ok", f"CUDA: {', '.join(names)}", facts={"cuda": True, "devices": names})
    reason = cuda_devices().reason
    if sys.platform == "darwin":
        reason = "that of Apple (MPS) is not used"
    text = f"none ({reason}); the networks run on the processor"
    return Finding("Machine", "GPU", "absent", text, facts={"cuda": False, "devices": ()})


def _device() -> str:
    with suppress(SightlineError):
        return machine_settings().device
    return MachineSettings().device


def folders() -> Iterator[Finding]:
    """The data folder, the cache folder and where downloaded models go."""
    data, cache = platform_data_dir(sys.platform, os.environ), platform_cache_dir(sys.platform, Path.home(), os.environ)
    yield _folder("data", data, "SIGHTLINE_DATA")
    yield _folder("cache", cache, "SIGHTLINE_CACHE")
    weights = os.environ.get("SIGHTLINE_WEIGHTS")
    yield _folder("models", Path(weights).expanduser() if weights else data / "weights", "SIGHTLINE_WEIGHTS")
    if has_data(cache) and not has_data(data):
        text = f"that of version 0.1.0 is still in the cache folder, {cache}"
        yield Finding("Folders", "old data", "note", text, f"Start the app; it moves them to {data}.")


def _folder(name: str, folder: Path, variable: str) -> Finding:
    state = folder_state(folder)
    level: Level = "ok"
    remedy = ""
    where = str(folder) if state.exists else f"{folder}, which is made when it is needed"
    texts = [where, f"{format_bytes(state.free)} free"]
    if state.fault:
        level, remedy = "fault", f"Set {variable} to a folder that you may write to."
        texts = [f"{folder} cannot be written ({state.fault})"]
    elif state.free < _NO_ROOM:
        level, remedy = "fault", "Free some space: python -m core cache --trim 0, or another disk for the folder."
    elif state.free < _LITTLE_ROOM:
        level, remedy = "note", "Free some space before a long run: python -m core cache --trim 1GB"
    if state.open_to:
        texts.append(f"open to {state.open_to}")
        if level == "ok":
            level, remedy = "note", f"chmod 700 {folder}"
    facts = {"path": str(folder), "writable": not state.fault, "private": not state.open_to, "free": state.free}
    return Finding("Folders", name, level, ", ".join(texts), remedy, facts)


def video() -> Iterator[Finding]:
    """What recordings can be read, and whether films can be written."""
    from core.vision.video import codecs

    try:
        here = codecs()
    except ImportError as error:
        yield Finding("Video", "PyAV", "fault", f"cannot be loaded ({error})", INSTALL)
        return
    containers, formats = ", ".join(here.containers), ", ".join(here.decoded)
    yield Finding("Video", "containers", "ok", containers, facts={"missing": here.missing_containers})
    if here.not_decoded:
        level: Level = "fault" if "H.264" in here.not_decoded else "note"
        text = f"{formats}; not {', '.join(here.not_decoded)}"
        yield Finding("Video", "decoders", level, text, INSTALL, {"missing": here.not_decoded})
    else:
        yield Finding("Video", "decoders", "ok", formats, facts={"missing": ()})
    if here.writes_films:
        yield Finding("Video", "films", "ok", "H.264 can be written", facts={"h264": True})
    else:
        text = "H.264 cannot be written: no film for the browser, no annotated video"
        yield Finding("Video", "films", "note", text, INSTALL, {"h264": False})


def models() -> Iterator[Finding]:
    """The models that runs use, which must be whole, and those that could be here."""
    from core.vision.models import find, statuses

    used = ModelSettings()
    with suppress(SightlineError):
        used = ModelSettings(**load_settings().values("models"))
    try:
        listed = statuses()
    except SightlineError as error:
        yield Finding("Models", "list of models", "fault", error.message, error.remedy)
        return
    kinds: tuple[tuple[str, Literal["detector", "embedder"]], ...] = (
        (used.detector, "detector"),
        (used.embedder, "embedder"),
    )
    for name, kind in kinds:
        if name != "none":
            try:
                yield _present(find(name, kind), "used by runs, ")
            except SightlineError as error:
                yield Finding("Models", name, "fault", error.message, error.remedy, {"kind": kind, "used": True})
    for status in listed:
        model = status.model
        if model.name in (used.detector, used.embedder):
            continue
        if status.state == "present":
            yield _present(model)
        elif status.state == "changed":
            text = "its file is damaged, or another one"
            remedy = f"Restore it, or remove {model.path}. Nothing else needs it."
            yield Finding("Models", model.name, "note", text, remedy, {"state": "changed"})
        else:
            size = f", {model.megabytes:g} MB" if model.megabytes else ""
            remedy = f"python -m core models get {model.name}" if model.url else ""
            yield Finding(
                "Models",
                model.name,
                "absent",
                f"not here; {model.kind}, {model.licence}{size}",
                remedy,
                {"state": "missing", "kind": model.kind, "licence": model.licence},
            )


def _present(model: Model, use: str = "") -> Finding:
    text = f"{use}whole (SHA-256 {model.digest[:12]}); {model.kind}, {model.licence}"
    facts = {"state": "present", "kind": model.kind, "licence": model.licence, "sha256": model.digest}
    return Finding("Models", model.name, "ok", text, facts=facts, details=model.figures)


def _usual_port() -> int:
    with suppress(ValueError):
        return int(os.environ.get("STREAMLIT_SERVER_PORT", _DEFAULT_PORT))
    return _DEFAULT_PORT


def port(number: int) -> Finding:
    """Whether the app could listen there, does already, or finds somebody else there."""
    name = str(number)
    ours: set[int] = set()
    with suppress(SightlineError, OSError):
        ours = {server.port for server in running_servers()}
    try:
        socket.create_connection(("127.0.0.1", number), timeout=_CONNECT_SECONDS).close()
    except OSError:
        return Finding("Port", name, "ok", "free", facts={"state": "free"})
    if number in ours:
        return Finding("Port", name, "ok", "Sightline answers there; `open` lets a browser in", facts={"state": "ours"})
    remedy = f"Start Sightline at another port: python -m streamlit run app.py --server.port {number + 1}"
    return Finding("Port", name, "note", "another program answers there", remedy, {"state": "taken"})


def _as_json(found: Iterable[Finding], works: bool) -> str:
    rows = [{**vars(each), "facts": dict(each.facts)} for each in found]
    return json.dumps({"sightline": __version__, "works": works, "findings": rows}, indent=1) + "\n"


def _as_text(found: list[Finding], works: bool) -> str:
    """A line for each finding, under its part; what to do on the line below."""
    lines: list[str] = []
    for part, members in groupby(found, lambda each: each.part):
        lines += ["", part] if lines else [part]
        rows = list(members)
        width = max(len(each.name) for each in rows)
        for each in rows:
            lines.append(f"  {_MARKS[each.level]:5}  {each.name:{width}}  {each.text}")
            below = [*each.details, *([f"> {each.remedy}"] if each.remedy else [])]
            lines += [f"  {'':5}  {'':{width}}  {line}" for line in below]
    faults = ", ".join(each.name for each in found if each.level == "fault")
    end = "Sightline can work here." if works else f"Sightline cannot work here before this is mended: {faults}."
    return "\n".join([*lines, "", end, ""])


def _without_home(text: str) -> str:
    """The text with ~ for the home folder, whose name is often that of its owner."""
    home = Path.home()
    for place in {str(home.resolve()), str(home)} - {home.anchor}:
        text = text.replace(place, "~").replace(json.dumps(place)[1:-1], "~")
    return text
