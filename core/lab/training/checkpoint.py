"""What a training leaves on disk: the curve, the checkpoint of its last epoch, and the weights that ship.

The curve is a CSV file to which rows are appended. A row that a kill cut off is dropped, and a training that is resumed
removes the rows that it will write again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors.torch import save

from core.base.errors import SettingsError, StoreError
from core.base.types import Image
from core.lab.training.network import Student
from core.lab.training.plots import COLOURS, chart, legend, picture_of, rgb
from core.machine.paths import write_atomically
from core.vision.mot import Doubles

COLUMNS = ("epoch", "step", "loss", "rank1", "map", "rate", "seconds")
SHARES = ("rank", "map")


class Curves:
    """The curve in the CSV file at `path`, which is written with the first row. Columns have a fixed order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[dict[str, float]] = []
        self._columns: list[str] = []
        if path.is_file():
            self._read()

    def add(self, row: dict[str, float]) -> None:
        """Append a row; it is on disk on return. New columns are added to the file, empty in earlier rows."""
        if not row or any(isinstance(value, str) for value in row.values()):
            raise ValueError(f"row: expected columns with numbers, got {row}")
        self.rows.append({name: float(value) for name, value in row.items()})
        new = sorted(set(row) - set(self._columns), key=_column_order)
        self._columns = sorted([*self._columns, *new], key=_column_order)
        if new or not self._path.is_file():
            self._write()
            return
        try:
            with self._path.open("a", encoding="utf-8", newline="") as file:
                file.write(_line(self._cells(self.rows[-1])))
        except OSError as fault:
            raise StoreError(f"{self._path} cannot be written ({fault.strerror})", "Free some space.") from fault

    def truncate(self, epoch: float) -> None:
        """Drop the rows of `epoch` and later epochs, which will be written again."""
        earlier = [row for row in self.rows if row.get("epoch", -np.inf) < epoch]
        if len(earlier) < len(self.rows):
            self.rows = earlier
            self._write()

    def column(self, name: str) -> Doubles:
        """The values of a column, (rows,), NaN where a row lacks it."""
        return np.array([row.get(name, np.nan) for row in self.rows], np.float64)

    def picture(self) -> Image:
        """Plot of losses (left scale), rank-k and mAP (0 to 1, right scale) over epochs, or else over steps."""
        x, name = self._course()
        losses = [column for column in self._columns if "loss" in column]
        shares = [column for column in self._columns if column.startswith(SHARES)]
        figure, axes = chart("Training", name, "loss", 1 + len([*losses, *shares]) // 8)
        right = axes.twinx()
        right.spines["top"].set_visible(False)
        right.set(ylim=(0, 1), ylabel=", ".join(shares), visible=bool(shares))
        handles: list[object] = []
        for number, column in enumerate([*losses, *shares]):
            values, plot = self.column(column), right if column in shares else axes
            is_finite = np.isfinite(values)
            marker = "o" if column in shares or is_finite.sum() == 1 else ""
            colour = rgb(COLOURS[number % len(COLOURS)])
            handles += plot.plot(
                x[is_finite], values[is_finite], color=colour, marker=marker, markersize=4, label=column
            )
        values = np.concatenate([np.zeros(1), *map(self.column, losses)])
        axes.set_ylim(bottom=float(values[np.isfinite(values)].min()))
        legend(figure, 8, handles)
        return picture_of(figure)

    def _course(self) -> tuple[Doubles, str]:
        """Values and name of the x axis: epochs, or steps where an epoch has several rows."""
        epochs = self.column("epoch")
        if len(np.unique(epochs)) == len(epochs) and np.isfinite(epochs).all():
            return epochs, "epoch"
        steps = self.column("step")
        return (steps, "step") if np.isfinite(steps).all() else (np.arange(len(self.rows), dtype=np.float64), "row")

    def _read(self) -> None:
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, ValueError) as fault:
            raise StoreError(f"{self._path} cannot be read", "Move it away, or choose another folder.") from fault
        complete = text[: text.rfind("\n") + 1]
        table = list(csv.reader(io.StringIO(complete)))
        self._columns = table[0] if table else []
        try:
            self.rows = [
                {name: float(cell) for name, cell in zip(self._columns, row, strict=True) if cell} for row in table[1:]
            ]
        except ValueError as fault:
            raise StoreError(f"{self._path} is not the curve of a training", "Move it away.") from fault
        if complete != text:
            self._write()

    def _write(self) -> None:
        lines = [_line(self._columns), *(_line(self._cells(row)) for row in self.rows)]
        write_atomically(self._path, "".join(lines).encode())

    def _cells(self, row: dict[str, float]) -> list[str]:
        return [f"{row[name]:.10g}" if name in row else "" for name in self._columns]


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def _column_order(column: str) -> tuple[int, str]:
    """
    >>> sorted(["seconds", "map", "loss_triplet", "epoch", "accuracy"], key=_column_order)
    ['epoch', 'loss_triplet', 'accuracy', 'map', 'seconds']
    """
    place = {name: 2 * number for number, name in enumerate(COLUMNS)}
    between = place["loss"] + 1  # further columns come between the loss and the figures
    return place.get(column, between), "" if column.startswith("loss") else column


class TrainerState(Protocol):
    """The parts of a trainer that a checkpoint saves and restores."""

    student: Student
    metric: torch.nn.Module
    optimizer: torch.optim.Optimizer


class Checkpoint:
    """The files of a training in `folder`: `last.pt`, `curve.csv` and `embedder.safetensors`.

    `recipe` is all that decides the training; a checkpoint of another recipe is refused. `last.pt` is read with
    PyTorch's safe loading, which runs no code from the file.
    """

    def __init__(self, folder: Path, recipe: dict[str, Any]) -> None:
        self._folder, self._recipe = folder, json.dumps(recipe, sort_keys=True)
        self._last = folder / "last.pt"
        self.curves = Curves(folder / "curve.csv")
        self._best = (-1.0, 0)
        self._epochs = 0

    def restore(self, trainer: TrainerState) -> int:
        """Restore `trainer` as it was after the last complete epoch; returns the epochs done (0: a new training)."""
        if not self._last.is_file():
            self.curves.truncate(0)
            return 0
        state = torch.load(self._last, map_location="cpu", weights_only=True)
        if state["recipe"] != self._recipe:
            raise SettingsError(
                f"{self._folder} holds a training with other settings", "Choose another --out, or the same settings."
            )
        trainer.student.load_state_dict(state["student"])
        trainer.metric.load_state_dict(state["metric"])
        trainer.optimizer.load_state_dict(state["optimizer"])
        self._epochs, self._best = state["epochs"], (state["best"], state["best_epoch"])
        self.curves.truncate(self._epochs)
        return self._epochs

    def save(self, trainer: TrainerState, epochs: int, row: dict[str, float]) -> None:
        """Save after an epoch. The weights that ship are those with the best `map`, or the latest without a `map`."""
        self._epochs = epochs
        self.curves.add(row)
        score = row.get("map", float(epochs))
        if score >= self._best[0]:
            self._best = (score, epochs)
            self.write_embedder(trainer.student, row)
        state = {
            "recipe": self._recipe,
            "epochs": epochs,
            "student": trainer.student.state_dict(),
            "metric": trainer.metric.state_dict(),
            "optimizer": trainer.optimizer.state_dict(),
            "best": self._best[0],
            "best_epoch": self._best[1],
        }
        buffer = BytesIO()
        torch.save(state, buffer)
        write_atomically(self._last, buffer.getvalue())

    def best_row(self) -> dict[str, float]:
        """The row of the curve that belongs to the weights that ship."""
        return next((row for row in self.curves.rows if row["epoch"] + 1 == self._best[1]), {})

    def epochs_since_best(self) -> int:
        """Epochs since the best one."""
        return self._epochs - self._best[1]

    def write_embedder(self, student: Student, row: dict[str, float]) -> None:
        metadata = {"recipe": self._recipe, "figures": json.dumps(row)}
        write_atomically(self._folder / "embedder.safetensors", save(student.half_precision_state(), metadata))
