"""Training the person detector with Ultralytics' trainer, offline, and interpolating the weights of two stages.

The recipe has the settings that make training on a CPU bearable. Pictures come as a YOLO data set (`data.yaml`).
Later stages often learn at the cost of what was known before; a point between the weights of two stages keeps most of
both (Wortsman and others, 2022) and costs no training."""

from __future__ import annotations

import copy
import importlib
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.base.errors import SettingsError, WeightsError
from core.base.progress import Progress
from core.machine.device import cpu_has_bfloat16
from core.machine.offline import import_ultralytics
from core.machine.paths import write_atomically
from core.vision.detect import person_class
from core.vision.models import model_digest


def interpolate_weights(first: Path, second: Path, share: float, out: Path) -> None:
    """Write the mean of two checkpoints: `share` (0 to 1) of `second`, the remainder of `first`."""
    if not 0 <= share <= 1:
        raise SettingsError(f"the share is {share:g}", "Give a number from 0 to 1.")
    yolo = import_ultralytics().YOLO
    first_network, second_network = (_open_network(yolo, path) for path in (first, second))
    first_state, second_state = first_network.model.float().state_dict(), second_network.model.float().state_dict()
    if {k: v.shape for k, v in first_state.items()} != {k: v.shape for k, v in second_state.items()}:
        raise SettingsError(
            f"{first.name} and {second.name} are different networks", "Name two stages of the same training."
        )
    # Counters of batches are integers and cannot be interpolated: those of the second stay.
    interpolated = {
        k: first_state[k] * (1 - share) + v * share if v.is_floating_point() else v for k, v in second_state.items()
    }
    second_network.model.load_state_dict(interpolated)
    second_network.ckpt["model"], second_network.ckpt["ema"] = second_network.model, None
    save_without_paths(second_network.ckpt, out)


def _open_network(yolo: Any, path: Path) -> Any:
    if not path.is_file():
        raise WeightsError(f"{path} does not exist", "Name a .pt file.")
    return yolo(str(path), task="detect")


ARCHITECTURE = "yolo11n.yaml"


@dataclass(frozen=True)
class DetectorRecipe:
    """Settings of a training; the field names are written to recipe.json.

    `scale` is the range of random scaling, `rate` the highest learning rate, `final` the last one as a share of it. The
    last `close_mosaic` epochs use no mosaics. `freeze_bn` keeps the batch-norm statistics of the start weights: a start
    that knows people already is worth more than what a few batches say of them.
    """

    size: int = 640
    epochs: int = 10
    batch: int = 16
    rate: float = 0.005
    final: float = 0.05
    warmup: float = 0.5
    scale: float = 0.6
    close_mosaic: int = 2
    seed: int = 0
    every: float = 1.0  # share of the pictures seen in an epoch
    freeze_bn: bool = False

    def __post_init__(self) -> None:
        if self.size % 32 or self.size < 64:
            raise SettingsError(
                f"a size of {self.size} does not suit the network", "Give a multiple of 32, 64 or more."
            )
        if self.epochs < 1 or self.batch < 1:
            raise SettingsError("epochs and batch must be 1 or more", "Give larger numbers.")


def train_detector(data: Path, start: Path | None, out: Path, recipe: DetectorRecipe, progress: Progress) -> Path:
    """Train from `start` (or from random weights) and return `out`/detector.pt, the best epoch's weights.

    `out`/run holds a checkpoint per epoch, curves and pictures. Called again after a stop, it resumes from there.
    """
    if not data.is_file():
        raise SettingsError(f"{data} does not exist", "Name the data.yaml of a YOLO data set.")
    if start is not None and not start.is_file():
        raise WeightsError(
            f"{start} does not exist", "Name a .pt file, or leave --start out to start from random weights."
        )
    made = out / "detector.pt"
    _check_same_training(out / "recipe.json", data, start, recipe)
    if made.is_file():
        return made
    yolo = import_ultralytics().YOLO
    weights = out / "run" / "weights"
    resume = (weights / "last.pt").is_file()
    if not (resume and _epochs_done(yolo, weights / "last.pt") >= recipe.epochs):
        model = yolo(str(weights / "last.pt" if resume else start or ARCHITECTURE), task="detect")
        _report_progress(model, recipe, progress)
        with _Bfloat16OnCpu():
            model.train(_trainer(recipe.freeze_bn), **_trainer_arguments(data, out, recipe), resume=resume)
    save_without_paths(yolo(str(weights / "best.pt"), task="detect").ckpt, made)
    return made


def _check_same_training(path: Path, data: Path, start: Path | None, recipe: DetectorRecipe) -> None:
    """Refuse a folder with a training of other settings: Ultralytics would mix both without a warning."""
    start_digest = model_digest(start) if start else ""
    settings = {**asdict(recipe), "data": data.read_text(encoding="utf-8"), "start": start_digest}
    if not recipe.freeze_bn:
        del settings["freeze_bn"]  # as trainings that began before there was this choice have it
    content = json.dumps(settings, sort_keys=True, indent=1)
    if path.is_file() and path.read_text(encoding="utf-8") != content:
        raise SettingsError(
            f"{path.parent} holds a training with other settings", "Choose another --out, or the same settings."
        )
    write_atomically(path, content.encode())


def save_without_paths(checkpoint: dict[str, Any], path: Path) -> None:
    """Write a checkpoint without the paths, the repository and the training results that Ultralytics stores in it."""
    saved = {name: value for name, value in checkpoint.items() if name not in ("git", "train_results")}
    saved["train_args"] = {name: value for name, value in saved["train_args"].items() if not _is_path(value)}
    for network in (saved.get("model"), saved.get("ema")):
        if network is not None:
            network.args = {name: value for name, value in dict(network.args).items() if not _is_path(value)}
            network.pt_path = None
            network.half()
    buffer = io.BytesIO()
    importlib.import_module("torch").save(saved, buffer)
    write_atomically(path, buffer.getvalue())


def _is_path(value: object) -> bool:
    return isinstance(value, str | Path) and ("/" in str(value) or "\\" in str(value))


def _epochs_done(yolo: Any, last: Path) -> int:
    """Complete epochs in a checkpoint. Ultralytics marks a finished training with epoch -1."""
    checkpoint = yolo(str(last), task="detect").ckpt or {}
    epoch = int(checkpoint.get("epoch", -1))
    return epoch + 1 if epoch >= 0 else 10**6


def _trainer_arguments(data: Path, out: Path, recipe: DetectorRecipe) -> dict[str, Any]:
    """The recipe as arguments of Ultralytics' trainer."""
    r = asdict(recipe)
    return {
        "data": str(data.resolve()), "imgsz": r["size"], "epochs": r["epochs"], "batch": r["batch"], "seed": r["seed"],
        "fraction": r["every"], "scale": r["scale"], "close_mosaic": r["close_mosaic"], "optimizer": "SGD",
        "lr0": r["rate"], "lrf": r["final"], "warmup_epochs": r["warmup"], "cos_lr": True, "single_cls": True,
        "device": _device(), "project": str(out.resolve()), "name": "run", "exist_ok": True, "workers": 1,
        "cache": "ram",
        "save_period": 1, "plots": True, "verbose": False, "deterministic": True,
    }  # fmt: skip


def keep_people_only(network: Any) -> None:
    """Make a detector of many classes one of people, with the weights that it has for them."""
    head = network.model[-1]
    person = person_class(network.names, "the start")
    for branch in (part for name in ("cv3", "one2one_cv3") for part in getattr(head, name, ())):
        last = branch[-1]
        narrow = type(last)(last.in_channels, 1, 1)
        narrow.weight.data, narrow.bias.data = last.weight.data[[person]].clone(), last.bias.data[[person]].clone()
        branch[-1] = narrow
    head.nc, head.no = 1, 1 + 4 * head.reg_max
    network.nc, network.names, network.yaml = 1, {0: "person"}, {**network.yaml, "nc": 1}


def _trainer(freeze_bn: bool) -> Any:
    """Ultralytics' trainer that goes on from the very network it is given, whatever classes that knew.

    By itself it builds a network for the classes of the data, whose head is narrower than one for 80 classes, and drops
    the weights that do not fit: all that the start knew of people."""
    torch = importlib.import_module("torch")
    base = importlib.import_module("ultralytics.models.yolo.detect").DetectionTrainer

    class Trainer(base):  # type: ignore[misc, valid-type]
        def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> Any:
            if weights is None:
                return super().get_model(cfg, weights, verbose)
            network = copy.deepcopy(weights).float().requires_grad_(True)
            if len(network.names) > 1:
                keep_people_only(network)
            return network

        def _model_train(self) -> None:
            super()._model_train()
            for part in self.model.modules() if freeze_bn else ():
                if isinstance(part, torch.nn.BatchNorm2d):
                    part.eval()

    return Trainer


def _device() -> str:
    return "0" if importlib.import_module("torch").cuda.is_available() else "cpu"


def _report_progress(model: Any, recipe: DetectorRecipe, progress: Progress) -> None:
    def on_start(trainer: Any) -> None:
        torch = importlib.import_module("torch")
        if trainer.device.type == "cpu":
            trainer.model.to(memory_format=torch.channels_last)
        progress.begin(
            "train", recipe.epochs * len(trainer.train_loader), trainer.start_epoch * len(trainer.train_loader)
        )

    def on_step(trainer: Any) -> None:
        trainer.sightline_steps = (
            getattr(trainer, "sightline_steps", trainer.start_epoch * len(trainer.train_loader)) + 1
        )
        progress.at(trainer.sightline_steps)

    model.add_callback("on_train_start", on_start)
    model.add_callback("on_train_batch_end", on_step)


class _Bfloat16OnCpu:
    """While entered, Ultralytics' trainer computes in bfloat16 on CPUs that support it: several times faster."""

    def __init__(self) -> None:
        self._trainer: Any = importlib.import_module("ultralytics.engine.trainer")
        self._autocast = self._trainer.autocast

    def __enter__(self) -> None:
        torch: Any = importlib.import_module("torch")
        if cpu_has_bfloat16() and not torch.cuda.is_available():
            self._trainer.autocast = lambda *arguments, **options: torch.autocast("cpu", torch.bfloat16)

    def __exit__(self, *fault: object) -> None:
        self._trainer.autocast = self._autocast
