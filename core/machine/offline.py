"""No network access by libraries: nothing that is imported sends events, downloads or installs anything.

Ultralytics probes the network when it is imported and may later send events, fetch weights and fonts, and install
packages. OpenVINO sends an event as soon as it is imported, and NNCF one for each model that it quantizes. They read
their switches once, on import, so all code imports them through this module and nowhere else."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

from core.base.errors import BackendError, WeightsError
from core.machine.paths import cache_dir

SWITCHES = {
    "YOLO_OFFLINE": "1",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "1",
}
INTEGRATIONS = (
    "sync",
    "clearml",
    "comet",
    "dvc",
    "mlflow",
    "raytune",
    "tensorboard",
    "wandb",
    "vscode_msg",
    "openvino_msg",
)
_importing = threading.RLock()


def set_switches() -> None:
    """Set every switch. May be called again; has no effect on a package that is already imported."""
    os.environ.update(SWITCHES, YOLO_CONFIG_DIR=str(cache_dir() / "ultralytics"))
    # A name that maps to None cannot be imported: OpenVINO then uses the silent stub that it has for that case.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def import_openvino() -> Any:
    """The `openvino` module without telemetry."""
    with _importing:
        set_switches()
        return importlib.import_module("openvino")


def import_nncf() -> Any:
    """The `nncf` module without telemetry and log lines; `BackendError` where it is not installed."""
    with _importing:
        set_switches()
        try:
            module = importlib.import_module("nncf")
        except ImportError as fault:
            raise BackendError(
                f"models are quantized by nncf, which is not installed ({fault})",
                f"With Python 3.11: {sys.executable} -m pip install --require-hashes -r requirements-train.txt",
            ) from fault
        module.set_log_level(logging.ERROR)
        return module


def import_ultralytics() -> Any:
    """The `ultralytics` module: offline, safe loading only, no integrations, no log lines, downloads refused."""
    with _importing:
        if "ultralytics" in sys.modules:
            return sys.modules["ultralytics"]
        set_switches()
        # Ultralytics sets this to 1, which would slow down all other networks of this process and its children.
        # PyTorch reads the variable on import, so it is imported first.
        threads = os.environ.get("OMP_NUM_THREADS")
        importlib.import_module("torch")
        module = importlib.import_module("ultralytics")
        if threads is None:
            os.environ.pop("OMP_NUM_THREADS", None)
        _switch_integrations_off(module.settings)
        _refuse_downloads(importlib.import_module("ultralytics.utils.downloads"))
        return module


def _switch_integrations_off(settings: Any) -> None:
    """Switch integrations off. Written only where that changes something: several processes share the file."""
    changes = {name: False for name in INTEGRATIONS if settings.get(name)}
    if changes:
        settings.update(changes)


def _refuse_downloads(downloads: Any) -> None:
    """Replace the download functions before others import them: the offline switch stops probes and events only."""
    original_download, original_is_url = downloads.safe_download, downloads.is_url

    def safe_download(url: str | Path, *rest: Any, **named: Any) -> Any:
        if "://" in str(url) or not Path(url).is_file():
            raise WeightsError(f"Ultralytics wanted to download {url}", "Fetch the file yourself and name its path.")
        return original_download(url, *rest, **named)

    def is_url(url: str | Path, check: bool = False) -> bool:
        return False if check else bool(original_is_url(url))

    def get_github_assets(repo: str = "", *rest: Any, **named: Any) -> tuple[str, list[str]]:
        raise WeightsError(f"Ultralytics wanted to look for weights at {repo}", "Name the path of a file that is here.")

    downloads.safe_download = safe_download
    downloads.is_url = is_url
    downloads.get_github_assets = get_github_assets
