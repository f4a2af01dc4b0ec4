"""A detector between two stages of one line of training: every weight a mean of both.

What was learned last is often learned at the cost of what was known before; a point between the two keeps most of both
(Wortsman and others, 2022) and costs no training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.errors import SettingsError, WeightsError
from core.offline import import_ultralytics
from core.train.detector import save_without_places


def between(first: Path, second: Path, share: float, out: Path) -> None:
    """`share` of the weights comes from `second`, the rest from `first`; 0 and 1 are those themselves."""
    if not 0 <= share <= 1:
        raise SettingsError(f"a share of {share:g} is none", "Give a number from 0 to 1.")
    yolo = import_ultralytics().YOLO
    one, other = (_opened(yolo, path) for path in (first, second))
    ours, theirs = one.model.float().state_dict(), other.model.float().state_dict()
    if {k: v.shape for k, v in ours.items()} != {k: v.shape for k, v in theirs.items()}:
        raise SettingsError(
            f"{first.name} and {second.name} are different networks", "Name two stages of the same training."
        )
    # Counters of batches are whole numbers: those of the second stay.
    mixed = {k: ours[k] * (1 - share) + v * share if v.is_floating_point() else v for k, v in theirs.items()}
    other.model.load_state_dict(mixed)
    other.ckpt["model"], other.ckpt["ema"] = other.model, None
    save_without_places(other.ckpt, out)


def _opened(yolo: Any, path: Path) -> Any:
    if not path.is_file():
        raise WeightsError(f"{path} is not there", "Name a .pt file.")
    return yolo(str(path), task="detect")
