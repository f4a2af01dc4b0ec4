"""Opening a detector on a runtime, and the one-time export of a PyTorch file to OpenVINO."""

from __future__ import annotations

import ast
import shutil
import tempfile
import warnings
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from core.base.errors import BackendError, WeightsError
from core.base.settings import DetectSettings
from core.machine.device import Backend, choose_runtime
from core.machine.offline import import_openvino, import_ultralytics
from core.machine.paths import cache_dir, explain_refusal, publish
from core.vision.detect.base import Detector, ScaledDetector, explain_openvino, person_class, require_detector
from core.vision.models import EXPORT_DETR, RF_DETR, RT_DETR, Model

COCO_CLASSES = 80


def open_detector(model: Model, settings: DetectSettings, backend: Backend = "auto") -> Detector:
    """`model` on the runtime that `backend` names; for `auto`, on the fastest one of this machine."""
    if model.scale is None:
        return _open(model, settings, backend)
    own = replace(settings, floor=model.scale.score(settings.floor))
    return ScaledDetector(_open(model, own, backend), model.scale)


def _open(model: Model, settings: DetectSettings, backend: Backend) -> Detector:
    if needs_pytorch(model):
        return _open_torchvision(model, settings, backend)
    runtime = choose_runtime(backend, model.is_pytorch)
    if runtime != "openvino":
        from core.vision.detect.on_torch import TorchDetector

        return TorchDetector(model.name, model.path, model.digest, settings, "cuda" if runtime == "cuda" else "cpu")
    from core.vision.detect.on_openvino import OpenVinoDetector

    if model.architecture in (RT_DETR, RF_DETR):
        return _open_detr(model, settings)
    file = openvino_file(model)
    with explain_openvino(model.name):
        names = class_names(file)
        if not model.is_pytorch:
            _refuse_rows(file, model.name, len(names))
        return OpenVinoDetector(model.name, file, model.digest, person_class(names, model.name), settings)


def _refuse_rows(file: Path, name: str, classes: int) -> None:
    """`WeightsError` for an output with a row for each box and a column for each class, as Ultralytics' RT-DETR has it:
    read as YOLO's, it would give boxes at random."""
    shape = require_detector(import_openvino().Core().read_model(file), name).output(0).partial_shape
    if shape.rank.is_dynamic:
        return
    rows, columns = (0 if axis.is_dynamic else axis.get_length() for axis in (shape[1], shape[2]))
    if columns == 4 + classes != rows and columns != 6:
        raise WeightsError(f"{name} looks like RT-DETR by Ultralytics, which is not known here", EXPORT_DETR)


def needs_pytorch(model: Model) -> bool:
    """Whether the model runs on PyTorch only."""
    return model.architecture.startswith("fasterrcnn")


def _open_torchvision(model: Model, settings: DetectSettings, backend: Backend) -> Detector:
    """On CUDA where there is a device, otherwise on the CPU."""
    if backend == "openvino":
        raise BackendError(
            f"{model.name} runs on PyTorch only, not on '{backend}'",
            "Leave --device out (other networks then still run on OpenVINO), or give --device torch.",
        )
    from core.vision.detect.on_torch import TorchvisionDetector

    device = "cuda" if choose_runtime(backend, model.is_pytorch) == "cuda" else "cpu"
    return TorchvisionDetector(model, settings, device)


def _open_detr(model: Model, settings: DetectSettings) -> Detector:
    from core.vision.detect.detr import DetrDetector

    file = _xml_in(model.path)
    with explain_openvino(model.name):
        names = _stated_names(file)
        return DetrDetector(model, file, person_class(names, model.name) if names else None, settings)


def export_to_openvino(model: Model) -> Path:
    """The OpenVINO folder of a PyTorch file, exported once per digest, with dynamic height and width."""
    folder = cache_dir() / "exported" / f"{model.path.stem}-{model.digest[:16]}-openvino-{version('openvino')}"
    if folder.is_dir():
        return folder
    with explain_refusal(f"{folder} cannot be written"):
        _export_with_ultralytics(model, folder)
    return folder


def _export_with_ultralytics(model: Model, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as folder_name:
        # Ultralytics writes beside the file it reads, so it reads a copy.
        copy = Path(shutil.copy(model.path, Path(folder_name) / "model.pt"))
        try:
            # The exporter uses deprecated calls of PyTorch; users can do nothing about the warnings.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yolo = import_ultralytics().YOLO(str(copy), task="detect")
                exported = yolo.export(format="openvino", dynamic=True, imgsz=640, verbose=False)
        except Exception as fault:
            # The exporter may raise anything on a file that is no YOLO model.
            raise WeightsError(f"{model.name} is no YOLO model ({fault})", "Give another file.") from fault
        publish(Path(exported), folder)


def openvino_file(model: Model) -> Path:
    """The file that OpenVINO opens of a YOLO; a PyTorch file is exported first."""
    return _xml_in(export_to_openvino(model) if model.is_pytorch else model.path)


def _xml_in(path: Path) -> Path:
    if path.is_file():
        return path
    files = sorted(path.glob("*.xml"))
    if len(files) != 1:
        raise WeightsError(f"{path.name} holds {len(files)} .xml files", "An OpenVINO folder holds one, with its .bin.")
    return files[0]


def class_names(file: Path) -> dict[int, str]:
    """Class names that the file states; without any, from the number of classes of a YOLO detector."""
    if names := _stated_names(file):
        return names
    model: Any = import_openvino().Core().read_model(file)
    channels = require_detector(model, file.name).output(0).partial_shape[1]
    classes = 0 if channels.is_dynamic else channels.get_length() - 4
    if classes in (1, COCO_CLASSES):
        return {0: "person", **{n: f"class {n}" for n in range(1, classes)}}
    raise WeightsError(f"{file.name} does not say what its classes are", "Export it with Ultralytics.")


def _stated_names(file: Path) -> dict[int, str]:
    """Class names from Ultralytics' metadata beside or inside the file; none if there is no such metadata."""
    metadata = file.with_name("metadata.yaml")
    try:
        if file.suffix == ".xml" and metadata.is_file():
            return {int(k): str(v) for k, v in yaml.safe_load(metadata.read_text(encoding="utf-8"))["names"].items()}
        model: Any = import_openvino().Core().read_model(file)
        if model.has_rt_info(["framework", "names"]):
            names = ast.literal_eval(str(model.get_rt_info(["framework", "names"]).value))
            return {int(k): str(v) for k, v in names.items()}
    except (AttributeError, KeyError, RecursionError, SyntaxError, TypeError, ValueError, yaml.YAMLError) as fault:
        raise WeightsError(f"{file.name} does not say what its classes are", "Export it with Ultralytics.") from fault
    return {}
