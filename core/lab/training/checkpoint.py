"""A training's curve: one CSV row at a time, and the picture of it.

Owns the file: rows are appended as they come, a row that a kill tore is dropped, and a training that goes on takes back
the rows it will write again. Refuses to know what is trained: columns are what it is given.

What survives a kill: the network, its optimiser and its curve after each whole epoch; and the weights that ship."""

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
    """The CSV file at `path`, made with the first row. The first row's columns are the file's, in the usual order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[dict[str, float]] = []
        self._columns: list[str] = []
        if path.is_file():
            self._read()

    def add(self, row: dict[str, float]) -> None:
        """One more row; it is on disk when this returns. A new column is added to the file, empty in older rows."""
        if not row or any(isinstance(value, str) for value in row.values()):
            raise ValueError(f"row: expected columns with numbers, got {row}")
        self.rows.append({name: float(value) for name, value in row.items()})
        new = sorted(set(row) - set(self._columns), key=_usual)
        self._columns = sorted([*self._columns, *new], key=_usual)
        if new or not self._path.is_file():
            self._write()
            return
        try:
            with self._path.open("a", encoding="utf-8", newline="") as file:
                file.write(_line(self._cells(self.rows[-1])))
        except OSError as fault:
            raise StoreError(f"{self._path} cannot be written ({fault.strerror})", "Free some space.") from fault

    def truncate(self, epoch: float) -> None:
        """Drop the rows of `epoch` and later ones: they will come again."""
        kept = [row for row in self.rows if row.get("epoch", -np.inf) < epoch]
        if len(kept) < len(self.rows):
            self.rows = kept
            self._write()

    def column(self, name: str) -> Doubles:
        """A column's values, NaN in rows without it."""
        return np.array([row.get(name, np.nan) for row in self.rows], np.float64)

    def picture(self) -> Image:
        """Losses against the left scale, rank-k and mAP (0 to 1) against the right one, over epochs or else steps."""
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
            known = np.isfinite(values)
            marker = "o" if column in shares or known.sum() == 1 else ""
            colour = rgb(COLOURS[number % len(COLOURS)])
            handles += plot.plot(x[known], values[known], color=colour, marker=marker, markersize=4, label=column)
        values = np.concatenate([np.zeros(1), *map(self.column, losses)])
        axes.set_ylim(bottom=float(values[np.isfinite(values)].min()))
        legend(figure, 8, handles)
        return picture_of(figure)

    def _course(self) -> tuple[Doubles, str]:
        """Epochs where every row has one of its own; several rows of an epoch are told apart by their step."""
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
        whole = text[: text.rfind("\n") + 1]
        table = list(csv.reader(io.StringIO(whole)))
        self._columns = table[0] if table else []
        try:
            self.rows = [
                {name: float(cell) for name, cell in zip(self._columns, row, strict=True) if cell} for row in table[1:]
            ]
        except ValueError as fault:
            raise StoreError(f"{self._path} is not a training's curve", "Move it away.") from fault
        if whole != text:
            self._write()

    def _write(self) -> None:
        lines = [_line(self._columns), *(_line(self._cells(row)) for row in self.rows)]
        write_atomically(self._path, "".join(lines).encode())

    def _cells(self, row: dict[str, float]) -> list[str]:
        return [f"{row[name]:.10g}" if name in row else "" for name in self._columns]


def _line(cells: Sequence[str]) -> str:
    room = io.StringIO()
    csv.writer(room, lineterminator="\n").writerow(cells)
    return room.getvalue()


def _usual(column: str) -> tuple[int, str]:
    """
    >>> sorted(["seconds", "map", "loss_triplet", "epoch", "accuracy"], key=_usual)
    ['epoch', 'loss_triplet', 'accuracy', 'map', 'seconds']
    """
    place = {name: 2 * number for number, name in enumerate(COLUMNS)}
    between = place["loss"] + 1  # other columns stand between the loss and the figures
    return place.get(column, between), "" if column.startswith("loss") else column


class TrainerState(Protocol):
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

    def restore(self, school: TrainerState) -> int:
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

    def save(self, school: TrainerState, epochs: int, row: dict[str, float]) -> None:
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
