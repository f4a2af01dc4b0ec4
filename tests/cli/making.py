"""Crops of drawn people, as somebody brings them, and who is who of them."""

import csv
from pathlib import Path

import cv2

from tests.lab.training.making import person

PEOPLE = 4


def lay(folder: Path) -> list[Path]:
    """Two cameras, four people: in the first a folder each, in the second two pictures of each, all of them loose."""
    for who in range(1, PEOPLE + 1):
        for shot in range(2):
            for name, camera in ((f"one/somebody {who}/{shot}.png", 0), (f"two/{10 * who + shot}.png", 1)):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / name), person(who, camera, shot, 128, 64))
    return [folder / "one", folder / "two"]


def who(out: Path) -> dict[tuple[str, int], str]:
    """The person of each camera and track."""
    with (out / "people.csv").open(newline="", encoding="utf-8") as file:
        return {(row["camera"], int(row["track"])): row["person"] for row in csv.DictReader(file)}
