"""Means and variances of an embedder's batch normalisations, taken anew from crops as they are.

Copies that were recoloured, blurred and mixed have other means than what a camera shows; an embedder that learned from
them judges by theirs until this is done.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save

from core.errors import SettingsError
from core.folders import write_atomically
from core.progress import Progress
from core.train.data import Crops, load_pictures
from core.train.reid import as_input, halves
from core.train.student import Student
from core.types import Image
from core.weights.checkpoints import architecture, read_state, trained_as

BATCH = 96


def settled(weights: Path, sets: list[Crops], most: int, out: Path, seed: int, progress: Progress) -> None:
    """`weights`, an embedder of our lab, with means from at most `most` crops of each set; all else stays, to `out`."""
    recipe = trained_as(weights)
    if not {"height", "width"} <= set(recipe):
        raise SettingsError(f"{weights.name} was not made by train reid", "Name an embedder.safetensors of its folder.")
    rng = np.random.default_rng(seed)
    picked = [crops[np.sort(rng.permutation(len(crops))[:most])] for crops in sets]
    pictures = np.concatenate([load_pictures(crops, recipe["height"], recipe["width"]) for crops in picked])
    if len(pictures) < 2:
        raise SettingsError("means need 2 crops or more", "Name a folder with more of them.")
    student = Student(architecture(read_state(weights)), 1)
    student.begin_from(weights)
    _take_anew(student, pictures[rng.permutation(len(pictures))], progress)
    with safe_open(weights, "pt") as held:
        write_atomically(out, save(student.halved(), held.metadata()))


def _take_anew(student: Student, pictures: Image, progress: Progress) -> None:
    device = torch.device("cpu")
    student.to(memory_format=torch.channels_last).train()
    for norm in student.norms():
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches, each as much as the other
    progress.begin("means", len(pictures))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=halves(device)):
        for rows in np.array_split(np.arange(len(pictures)), max(len(pictures) // BATCH, 1)):
            student(as_input(pictures[rows], device))
            progress.at(int(rows[-1]) + 1)
    student.eval()
