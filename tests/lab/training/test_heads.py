"""What the finder of heads learns: where the head of key points is, and what each cell of a window is told."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.base.types import Floats
from core.lab.training.head_pictures import HeadPicture, head_of_points, read_head_picture
from core.lab.training.heads import CELLS, OUTSIDE, HeadNetwork, _as_crop, _targets, _varied, loss_of, windows_of
from core.vision.heads import GREY, STRIDE, WINDOW_PX

NONE = np.empty((0, 4), np.float32)
WINDOW = np.array([0, 0, WINDOW_PX], np.float32)


def boxes(*rows: list[float]) -> Floats:
    return np.array(rows, np.float32).reshape(-1, 4)


def picture(heads: Floats, unsure: Floats = NONE, is_strict: bool = True) -> HeadPicture:
    bgr = np.random.default_rng(0).integers(0, 255, (WINDOW_PX, WINDOW_PX, 3), np.uint8)
    return HeadPicture(bgr, boxes([20, 10, 70, 90]), heads, unsure, is_strict)


def test_a_picture_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = picture(boxes([30, 10, 42, 26]), boxes([60, 10, 70, 20]))
    written.write(tmp_path, "a")
    read = read_head_picture(tmp_path / "heads" / "a.txt")
    assert read.heads.tolist() == written.heads.tolist() and read.unsure.tolist() == written.unsure.tolist()
    assert read.is_strict and read.bgr.shape == written.bgr.shape


def body(**points: tuple[float, float]) -> Floats:
    names = ["nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder"]
    found = np.zeros((17, 3), np.float32)
    for name, at in points.items():
        found[names.index(name)] = (*at, 0.9)
    return found


def test_a_head_is_round_the_ears_and_reaches_to_the_shoulders() -> None:
    box = np.array([0, 0, 60, 180], np.float32)
    shoulders = {"left_shoulder": (45.0, 45.0), "right_shoulder": (15.0, 45.0)}
    seen = head_of_points(body(nose=(30, 25), left_ear=(38, 24), right_ear=(22, 24), **shoulders), box)
    behind = head_of_points(body(left_ear=(38, 24), right_ear=(22, 24), **shoulders), box)
    for head in (seen, behind):
        assert head is not None
        left, top, right, bottom = head.tolist()
        assert 12 < left < 22 and 38 < right < 48 and 0 < top < 14 and 35 < bottom < 45
    assert head_of_points(body(**shoulders), box) is None  # the head may be anywhere
    assert head_of_points(body(left_ear=(38, 24), right_ear=(37.9, 24)), box) is None  # too small to be true


def test_the_middle_of_a_head_is_one_its_edge_is_open_and_the_rest_is_none() -> None:
    is_head, edges = _targets(picture(boxes([40, 40, 64, 64])), WINDOW, None)
    assert is_head[12, 12] == 1 and is_head[10, 10] == -1 and is_head[2, 2] == 0
    assert edges[:, 12, 12].tolist() == [2.5, 2.5, 3.5, 3.5]


def test_outside_of_a_person_whom_the_teacher_saw_nothing_is_known() -> None:
    real = picture(boxes([40, 20, 52, 36]), boxes([60, 60, 68, 68]), is_strict=False)
    is_head, _ = _targets(real, WINDOW, real.people[0])
    assert is_head[7, 11] == 1 and is_head[16, 16] == -1  # unsure
    assert is_head[18, 10] == 0 and is_head[23, 0] == -1


def test_a_small_head_has_a_cell_too() -> None:
    is_head, _ = _targets(picture(boxes([41, 41, 43, 43])), WINDOW, None)
    assert is_head.max() == 1


def test_a_window_that_is_turned_keeps_its_edges_at_the_head() -> None:
    """Each window still has the pixels of the head where its targets say."""
    marked = picture(boxes([40, 20, 60, 30]))
    is_head, edges = _targets(marked, WINDOW, None)
    for seed in range(40):
        _, turned, sides = _varied(marked.bgr, is_head, edges, np.random.default_rng(seed))
        row, column = np.argwhere(turned == 1)[0]
        left, up, right, down = sides[:, row, column]
        assert sorted([left + right, up + down]) == [2.5, 5]
        open_or_head = turned[int(row + 0.5 - up) : int(row + 0.5 + down), int(column + 0.5 - left) : int(column + 1)]
        assert (open_or_head != 0).all()


def test_round_a_crop_all_is_grey() -> None:
    pixels = np.zeros((WINDOW_PX, WINDOW_PX, 3), np.uint8)
    crop, is_head = _as_crop(pixels, np.ones((CELLS, CELLS), np.float32), np.array([0.25, 0.25, 0.75, 0.75]))
    assert (crop[: WINDOW_PX // 4] == GREY).all() and not crop[WINDOW_PX // 2, WINDOW_PX // 2].any()
    assert is_head[0, 0] == -1 and is_head[CELLS // 2, CELLS // 2] == 1


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    found = list(windows_of(picture(boxes([40, 20, 60, 44])), np.random.default_rng(0)))
    pixels, is_head, edges = (torch.from_numpy(np.stack(column)) for column in zip(*found, strict=True))
    network = HeadNetwork().train()
    optimiser = torch.optim.Adam(network.parameters(), 0.003)
    losses = []
    for _ in range(6):
        out = network(pixels.permute(0, 3, 1, 2).float())
        assert out.shape == (len(pixels), 5, CELLS, CELLS) and CELLS * STRIDE == WINDOW_PX
        loss = loss_of(out, is_head, edges)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_an_edge_inside_of_the_head_costs_more_than_one_outside() -> None:
    is_head, edges = torch.zeros(1, CELLS, CELLS), torch.full((1, 4, CELLS, CELLS), 2.0)
    is_head[0, 12, 12] = 1
    sides = edges.log()
    loss = {}
    for name, off in (("true", 0.0), ("inside", -0.5), ("outside", 0.5)):
        found = (edges + off).log()
        loss[name] = loss_of(torch.cat([sides[:, :1] * 0, found], dim=1), is_head, edges).item()
    inside, outside = loss["inside"] - loss["true"], loss["outside"] - loss["true"]
    assert inside == pytest.approx(OUTSIDE / (1 - OUTSIDE) * outside, rel=1e-3) and outside > 0
