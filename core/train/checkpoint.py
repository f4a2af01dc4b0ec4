"""What survives a kill: the network, its optimiser and its curve after each whole epoch; and the weights that ship."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import save

from core.errors import SettingsError
from core.folders import write_atomically
from core.train.curves import Curves
from core.train.student import Student


class School(Protocol):
    student: Student
    metric: torch.nn.Module
    optimizer: torch.optim.Optimizer


class Checkpoint:
    """`folder` holds `last.pt` (loaded with safe loading only), `curve.csv`, `curve.png` and `embedder.safetensors`.

    `recipe` is all that decides the training; a folder with another recipe's checkpoint is refused.
    """

    def __init__(self, folder: Path, recipe: dict[str, Any]) -> None:
        self._folder, self._recipe = folder, json.dumps(recipe, sort_keys=True)
        self._last = folder / "last.pt"
        self.curves = Curves(folder / "curve.csv")
        self._best = (-1.0, 0)
        self._epochs = 0

    def restore(self, school: School) -> int:
        """Bring `school` to where the last whole epoch left it; how many epochs are done (0: a new training)."""
        if not self._last.is_file():
            self.curves.truncate(0)
            return 0
        held = torch.load(self._last, map_location="cpu", weights_only=True)
        if held["recipe"] != self._recipe:
            raise SettingsError(
                f"{self._folder} holds a training with other settings", "Choose another --out, or the same settings."
            )
        school.student.load_state_dict(held["student"])
        school.metric.load_state_dict(held["metric"])
        school.optimizer.load_state_dict(held["optimizer"])
        self._epochs, self._best = held["epochs"], (held["best"], held["best_epoch"])
        self.curves.truncate(self._epochs)
        return self._epochs

    def save(self, school: School, epochs: int, row: dict[str, float]) -> None:
        """After a whole epoch. The shipped weights are those of the best `map`, or the latest where none is known."""
        self._epochs = epochs
        self.curves.add(row)
        worth = row.get("map", float(epochs))
        if worth >= self._best[0]:
            self._best = (worth, epochs)
            self.ship(school.student, row)
        held = {
            "recipe": self._recipe,
            "epochs": epochs,
            "student": school.student.state_dict(),
            "metric": school.metric.state_dict(),
            "optimizer": school.optimizer.state_dict(),
            "best": self._best[0],
            "best_epoch": self._best[1],
        }
        room = BytesIO()
        torch.save(held, room)
        write_atomically(self._last, room.getvalue())

    def best(self) -> dict[str, float]:
        """The curve's row of the weights that ship."""
        return next((row for row in self.curves.rows if row["epoch"] + 1 == self._best[1]), {})

    def stale(self) -> int:
        """Epochs since the best one."""
        return self._epochs - self._best[1]

    def ship(self, student: Student, row: dict[str, float]) -> None:
        about = {"recipe": self._recipe, "figures": json.dumps(row)}
        write_atomically(self._folder / "embedder.safetensors", save(student.halved(), about))
