"""What the operating system must bring along: said in one line with the package's name, instead of a traceback."""

from __future__ import annotations

import importlib
import sys

from core.errors import SightlineError

# Shared libraries that a bare Linux lacks, and the packages of Debian/Ubuntu and Fedora that hold them.
PACKAGES = {
    "libGL.so.1": ("libgl1", "mesa-libGL"),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libSM.so.6": ("libsm6", "libSM"),
    "libXext.so.6": ("libxext6", "libXext"),
    "libXrender.so.1": ("libxrender1", "libXrender"),
    "libxcb.so.1": ("libxcb1", "libxcb"),
    "libX11.so.6": ("libx11-6", "libX11"),
    "libstdc++.so.6": ("libstdc++6", "libstdc++"),
}


class MissingLibrary(SightlineError):
    """OpenCV, or a library that it needs, is not on this machine."""


def require_opencv(module: str = "cv2") -> None:
    """Import OpenCV; raise `MissingLibrary` with the command that mends it where that fails."""
    try:
        importlib.import_module(module)
    except ImportError as fault:
        raise MissingLibrary(*advice(str(fault))) from fault


def advice(fault: str) -> tuple[str, str]:
    """Message and remedy for what the dynamic loader said.

    >>> advice("libGL.so.1: cannot open shared object file: No such file or directory")[0]
    'OpenCV needs the system library libGL.so.1, which is not installed'
    """
    for library, (debian, fedora) in PACKAGES.items():
        if library in fault:
            remedy = f"Debian or Ubuntu: sudo apt-get install {debian}. Fedora: sudo dnf install {fedora}."
            return f"OpenCV needs the system library {library}, which is not installed", remedy
    return (
        f"OpenCV cannot be loaded ({fault})",
        f"Install the requirements: {sys.executable} -m pip install -r requirements.txt",
    )
