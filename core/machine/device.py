"""What this machine offers: CUDA, bfloat16, and the system libraries that OpenCV needs. Imports no PyTorch.

A `Backend` is what the user asks for: `auto` (CUDA where there is a device, otherwise OpenVINO), `openvino`, `torch`
(PyTorch on the CPU) or `cuda`. A `Runtime` is what a model then runs on; `choose_runtime` decides."""

from __future__ import annotations

import ctypes
import functools
import importlib
import sys
from pathlib import Path
from typing import Literal, cast, get_args

from core.base.errors import BackendError, SightlineError

Backend = Literal["auto", "openvino", "torch", "cuda"]
Runtime = Literal["openvino", "torch", "cuda"]


@functools.cache
def has_cuda() -> bool:
    """Whether an NVIDIA driver lists a device. Takes microseconds; PyTorch's own check takes seconds."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


@functools.cache
def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (AVX-512 BF16, AMX), which doubles the speed of training.

    Elsewhere bfloat16 is emulated and slower than single precision. Only Linux lists the features of its CPU.
    """
    try:
        return "bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def parse_backend(word: str) -> Backend:
    """`word` of the user as a `Backend`; `cpu` means the fastest runtime for CPUs, which is OpenVINO."""
    word = {"cpu": "openvino", "gpu": "cuda"}.get(word, word)
    if word not in get_args(Backend):
        raise BackendError(f"no device is called '{word}'", f"Choose one of: {', '.join(get_args(Backend))}.")
    return cast(Backend, word)


def choose_runtime(backend: Backend, pytorch_model: bool) -> Runtime:
    """The runtime for one model. PyTorch files run on all three; ONNX and OpenVINO files on OpenVINO only."""
    if backend == "auto":
        return "cuda" if pytorch_model and has_cuda() else "openvino"
    if backend == "cuda" and not has_cuda():
        raise BackendError("no CUDA device answers on this machine", "Leave --device out, or give --device openvino.")
    if backend in ("cuda", "torch") and not pytorch_model:
        raise BackendError(f"this model is no PyTorch file and cannot run on '{backend}'", "Give --device openvino.")
    return backend


# Shared libraries that a minimal Linux lacks, and the packages of Debian/Ubuntu and Fedora that hold them.
SYSTEM_PACKAGES = {
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
    """OpenCV, or a library that it needs, is not installed."""


def require_opencv(module: str = "cv2") -> None:
    """Import OpenCV; where that fails, raise `MissingLibrary` with the command that installs what is missing."""
    try:
        importlib.import_module(module)
    except ImportError as fault:
        raise MissingLibrary(*library_advice(str(fault))) from fault


def library_advice(fault: str) -> tuple[str, str]:
    """Message and remedy for an error of the dynamic loader.

    >>> library_advice("libGL.so.1: cannot open shared object file: No such file or directory")[0]
    'OpenCV needs the system library libGL.so.1, which is not installed'
    """
    for library, (debian, fedora) in SYSTEM_PACKAGES.items():
        if library in fault:
            remedy = f"Debian or Ubuntu: sudo apt-get install {debian}. Fedora: sudo dnf install {fedora}."
            return f"OpenCV needs the system library {library}, which is not installed", remedy
    return (
        f"OpenCV cannot be loaded ({fault})",
        f"Install the requirements: {sys.executable} -m pip install -r requirements.txt",
    )
