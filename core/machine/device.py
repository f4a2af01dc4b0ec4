"""What this machine offers: processors, CUDA, bfloat16, and the system libraries that OpenCV needs. Imports no PyTorch.

A `Backend` is what the user asks for: `auto` (CUDA where there is a device, otherwise OpenVINO), `openvino`, `torch`
(PyTorch on the CPU) or `cuda`. A `Runtime` is what a model then runs on; `choose_runtime` decides."""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.util
import os
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from core.base.errors import BackendError, SightlineError

INSTALL = f"Install the requirements: {sys.executable} -m pip install --require-hashes -r requirements.txt"
"""What helps where a package is missing or broken."""
Backend = Literal["auto", "openvino", "torch", "cuda"]
Runtime = Literal["openvino", "torch", "cuda"]


@dataclass(frozen=True)
class CudaDevices:
    """The names of the devices that an NVIDIA driver lists; where there are none, `reason` says why."""

    names: tuple[str, ...] = ()
    reason: str = ""


@functools.cache
def cuda_devices() -> CudaDevices:
    """Asks the driver, which takes microseconds; PyTorch's own check takes seconds."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return CudaDevices(reason="no NVIDIA driver is installed")
    return list_devices(driver)


def list_devices(driver: Any) -> CudaDevices:
    """The devices of NVIDIA's driver library."""
    count = ctypes.c_int(0)
    error = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if error:
        return CudaDevices(reason=f"the NVIDIA driver answers with error {error}")
    if not count.value:
        return CudaDevices(reason="the NVIDIA driver lists no device")
    return CudaDevices(tuple(_device_name(driver, number) for number in range(count.value)))


def _device_name(driver: Any, number: int) -> str:
    device, name = ctypes.c_int(0), ctypes.create_string_buffer(256)
    if driver.cuDeviceGet(ctypes.byref(device), number) or driver.cuDeviceGetName(name, len(name), device):
        return "unnamed"
    return name.value.decode(errors="replace")


@functools.cache
def has_cuda() -> bool:
    """Whether an NVIDIA driver lists a device."""
    return bool(cuda_devices().names)


def pytorch_has_cuda() -> bool:
    """Whether the PyTorch that is installed was built for CUDA. Its file of versions says so; nothing else is read."""
    found = importlib.util.find_spec("torch")
    try:
        content = runpy.run_path(str(Path(found.origin).with_name("version.py"))) if found and found.origin else {}
    except OSError:
        return False
    return bool(content.get("cuda"))


def usable_processors() -> int:
    """How many processors this process may use; a container or a scheduler may leave it fewer than there are."""
    # Only Linux knows.
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def processor_features() -> tuple[str, ...]:
    """What of a processor makes networks quick, as far as it is known: only Linux lists it."""
    flags = _processor_flags().split()
    features = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "bfloat16", "amx_bf16": "bfloat16 (AMX)"}
    return tuple(feature for flag, feature in features.items() if flag in flags)


@functools.cache
def _processor_flags() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@functools.cache
def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (AVX-512 BF16, AMX), which doubles the speed of training.

    Elsewhere bfloat16 is emulated and slower than single precision. Only Linux lists the features of its CPU.
    """
    return "bf16" in _processor_flags()


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
        raise BackendError(
            f"no CUDA device answers on this machine ({cuda_devices().reason})",
            "Leave --device out, or give --device openvino. `python -m core doctor` says what is here.",
        )
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
        INSTALL,
    )
