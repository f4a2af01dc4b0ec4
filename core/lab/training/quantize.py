"""INT8 for YOLO detectors: weights, and what flows between layers, as 8-bit numbers, which CPUs multiply quickest.

NNCF (requirements-train.txt, Python 3.11) watches what flows through the network on some pictures, and chooses the
range of each layer from that, so these should be like those that the detector will see. What loses most is kept as it
is: attention, and the last layers, whose numbers are boxes and scores. Nothing is trained. Measure what was lost with
`evaluate detector`: with too few or unlike pictures it is a lot.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.base.errors import SettingsError, WeightsError
from core.base.progress import Progress
from core.base.settings import VideoSettings
from core.base.types import IMAGE_SUFFIXES, Image, Timeline
from core.lab.training.data import read_picture
from core.machine.offline import import_nncf, import_openvino
from core.machine.paths import explain_refusal, publish
from core.vision.detect import GREY, Letterbox, class_names, needs_pytorch, openvino_file
from core.vision.models import Model, write_card
from core.vision.video import plan, probe, read

_ATTENTION = r".*\.attn[./].*"
_LAST_LAYERS = (r".*\.model\.{head}\.(one2one_)?cv[23]\.\d\.2/.*", r".*\.model\.{head}\.dfl.*", r".*\.model\.{head}/.*")
"""In the detection head: the last convolution of each branch, the distribution of edges, and what joins branches."""


def quantize_detector(model: Model, calibrate: Sequence[Path], out: Path, count: int, progress: Progress) -> Path:
    """Write `model` as INT8 into the folder `out`, in OpenVINO's form, calibrated on `count` pictures at 640 px.

    `calibrate` are folders of pictures, single pictures and clips. The same ones always give the same choice.
    """
    if needs_pytorch(model) or model.architecture != "yolo":
        raise WeightsError(f"{model.name} is no YOLO", "Name a YOLO detector: others cannot be quantized here.")
    if out.exists():
        raise SettingsError(f"{out} exists", "Choose another --out, or remove it.")
    nncf, openvino = import_nncf(), import_openvino()
    file = openvino_file(model)
    network = openvino.Core().read_model(file)
    pictures = read_calibration(calibrate, count, model.input.width, progress)
    progress.begin("calibrate", len(pictures))
    float_parts = parts_in_float(step.get_friendly_name() for step in network.get_ops())
    # NNCF draws bars on standard output.
    with contextlib.redirect_stdout(io.StringIO()):
        quantized = nncf.quantize(
            network,
            nncf.Dataset(list(enumerate(pictures, 1)), lambda entry: _as_input(entry, progress)),
            subset_size=len(pictures),
            preset=nncf.QuantizationPreset.MIXED,
            ignored_scope=nncf.IgnoredScope(patterns=float_parts, validate=False),
        )
    quantized.set_rt_info(str(class_names(file)), ["framework", "names"])
    write_card(quantized, _card(model, pictures, calibrate, float_parts, nncf.__version__))
    return _save(openvino, quantized, out)


def parts_in_float(names: Iterator[str]) -> list[str]:
    """Patterns of the steps that stay as they are, by the `names` that Ultralytics' export gives to all steps.

    >>> parts_in_float(iter(["__module.model.0.conv/x", "__module.model.23.cv2.0.2/x", "other"]))[-1]
    '.*\\\\.model\\\\.23/.*'
    """
    numbers = [int(found[1]) for name in names if (found := re.match(r"__module\.model\.(\d+)[./]", name))]
    if not numbers:
        return [_ATTENTION]
    return [_ATTENTION, *(pattern.replace("{head}", str(max(numbers))) for pattern in _LAST_LAYERS)]


def read_calibration(paths: Sequence[Path], count: int, size: int, progress: Progress) -> list[Image]:
    """`count` pictures (BGR, letterboxed to `size`) at even distances in each clip and in all single pictures; fewer
    where there are not as many."""
    if count < 1:
        raise SettingsError(f"--pictures is {count}", "Give 1 or more; 300 is usual.")
    stills, clips = _sources(paths)
    groups = len(clips) + bool(stills)
    if not groups:
        raise SettingsError("no picture or clip to calibrate with", "Name folders of pictures, or clips.")
    share = -(-count // groups)
    progress.begin("read", count)
    pictures: list[Image] = []
    for picture in _all_pictures([stills[row] for row in _evenly(len(stills), share)], clips, share):
        pictures.append(_letterboxed(picture, size))
        progress.at(len(pictures))
        if len(pictures) == count:
            break
    return pictures


def _sources(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Single pictures, those of folders among them, and clips."""
    stills: list[Path] = []
    clips: list[Path] = []
    for path in paths:
        if path.is_dir():
            stills += [p for p in path.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]
        else:
            (stills if path.suffix.lower() in IMAGE_SUFFIXES else clips).append(path)
    return sorted(stills), clips


def _evenly(total: int, count: int) -> list[int]:
    """
    >>> _evenly(10, 4), _evenly(2, 4)
    ([0, 2, 5, 7], [0, 1])
    """
    count = min(total, count)
    return [number * total // count for number in range(count)]


def _all_pictures(stills: Sequence[Path], clips: Sequence[Path], share: int) -> Iterator[Image]:
    for path in stills:
        yield read_picture(path)
    for path in clips:
        clip = probe(path)
        timeline = plan(clip, VideoSettings(fps=0))
        rows = _evenly(len(timeline), share)
        with read(clip, Timeline(timeline.frame[rows], timeline.seconds[rows])) as frames:
            for frame in frames:
                yield frame.bgr


def _letterboxed(picture: Image, size: int) -> Image:
    height, width = picture.shape[:2]
    letterbox = Letterbox.around(width, height, size)
    into = np.full((letterbox.outer[1], letterbox.outer[0], 3), GREY, np.uint8)
    letterbox.place(picture, into)
    return into


def _as_input(entry: tuple[int, Image], progress: Progress) -> Any:
    """A numbered picture as the exported network takes it: (1, 3, height, width), RGB from 0 to 1."""
    number, picture = entry
    progress.at(number)
    return np.ascontiguousarray(picture[:, :, ::-1].transpose(2, 0, 1)[None], np.float32) / 255


def _card(
    model: Model, pictures: Sequence[Image], calibrate: Sequence[Path], float_parts: list[str], version: str
) -> dict[str, Any]:
    """What the file says of itself; no path of this machine is in it."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(picture.tobytes())
    return {
        "quantized_from": model.name,
        "digest": model.digest,
        "licence": model.licence,
        "trained_on": model.trained_on,
        "scores": {"usable": model.scale.usable, "certain": model.scale.certain} if model.scale else None,
        "calibrated_on": sorted({path.resolve().name for path in calibrate}),
        "pictures": len(pictures),
        "pictures_sha256": digest.hexdigest(),
        "kept_in_float": float_parts,
        "nncf": version,
    }


def _save(openvino: Any, network: Any, out: Path) -> Path:
    with explain_refusal(f"{out} cannot be written"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            made = Path(folder) / out.name
            made.mkdir()
            openvino.save_model(network, made / f"{out.name}.xml", compress_to_fp16=True)
            publish(made, out)
    return out
