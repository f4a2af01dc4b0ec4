"""The source of the running program, which section 13 of the AGPL asks it to offer: an address, or its own files."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from core import __version__
from core.lab.synthetic import sample_clips
from core.vision.models import entries

PROGRAM_ROOT = Path(__file__).resolve().parents[2]
SOURCE_ADDRESS = "SIGHTLINE_SOURCE_URL"
# Listed one by one: the folder may also contain the user's footage, results or models, which must not be given away.
_FOLDERS = (".ci", ".streamlit", "core", "docs", "notebooks", "pages", "tests")
_FILES = (
    ".gitattributes",
    ".gitignore",
    ".oxlintrc.json",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "app.py",
    "pyproject.toml",
    "requirements-dev.in",
    "requirements-dev.txt",
    "requirements-train.in",
    "requirements-train.txt",
    "requirements.in",
    "requirements.txt",
)
_WEIGHTS = ("LICENSE.md", "README.md", "manifest.toml")
_SAMPLE = ("README.md", "truth.json")


def source_address() -> str:
    """Where the source is published: the web address in SIGHTLINE_SOURCE_URL, or nothing."""
    address = os.environ.get(SOURCE_ADDRESS, "").strip()
    return address if address.startswith(("https://", "http://")) else ""


def source_name() -> str:
    return f"sightline-{__version__}-source.zip"


def source_files(root: Path = PROGRAM_ROOT) -> list[Path]:
    """The files of the program below `root`, with the models and the sample that are distributed with it."""
    found = [root / name for name in _FILES]
    for folder in _FOLDERS:
        found += _below(root / folder)
    models = [entry.file for entry in entries().values() if entry.model.source.startswith("our own")]
    found += [root / "weights" / name for name in (*_WEIGHTS, *models)]
    # A model of OpenVINO is a folder.
    found += [file for name in models for file in _below(root / "weights" / name)]
    clips = sample_clips(root / "sample")
    found += [*clips, *(root / "sample" / "truth" / f"{clip.stem}.txt" for clip in clips)]
    found += [root / "sample" / name for name in _SAMPLE]
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def source_zip(root: Path = PROGRAM_ROOT) -> bytes:
    """The files as they are now, changes included; made when somebody asks for them."""
    buffer = io.BytesIO()
    folder = source_name().removesuffix(".zip")
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in source_files(root):
            archive.write(path, f"{folder}/{path.relative_to(root).as_posix()}")
    return buffer.getvalue()


def _below(folder: Path) -> Iterator[Path]:
    for directory, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        yield from (Path(directory) / name for name in files if not name.endswith(".pyc"))
