"""Training the finder of heads: `python -m core.lab.training.heads --drawn FOLDER --real FOLDER --out FILE`.

The network is a small pyramid of convolutions. Each visit of a picture cuts new windows from it: round the boxes of
people, moved and cut as detectors do, and at places without anybody. A cell near the middle of a head learns that it
is one and where its edges are; cells in the outer part of a head, and areas of which nothing is known, learn nothing.
"""

# mypy: disable-error-code="misc"
# PyTorch is not followed by the type checker, so its classes have no type to inherit.

from __future__ import annotations

import argparse
import copy
import importlib
import io
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from core.base.types import Floats, Image
from core.lab.training.head_pictures import HeadPicture, read_head_picture
from core.machine.paths import write_atomically
from core.vision.heads import GREY, SPACE, STRIDE, WINDOW_PX, cut_window

CELLS = WINDOW_PX // STRIDE
CENTRAL = 0.5
"""A cell is of a head where it lies in the middle of its box, of this size relative to the box."""
MOST_WINDOWS = 10
POOL, BATCH = 2000, 64
TIMES = 2
"""How often a window is learned from."""
ROUND = (150, 400)
"""Drawn and real pictures in a round: about as many windows of either."""
FOCUS = 1.5
"""Exponent of the focal loss: what is sure already counts little."""
OUTSIDE, EDGES = 0.9, 12.0
"""Share of edges that shall lie outside of the head's; and how much edges count beside finding."""

Windows = tuple[Image, Floats, Floats]
"""Pictures (n, side, side, 3); for each cell 1 for a head, 0 for none, -1 for no matter; and distances of the edges."""


class _Unit(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> None:
        conv = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class HeadNetwork(nn.Module):
    """BGR windows (n, 3, WINDOW_PX, WINDOW_PX) of 0 to 255 -> (n, 5, CELLS, CELLS): the logit of a head, and the
    distances of its left, upper, right and lower edge from the middle of the cell, as logarithms of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(_Unit(3, 16, stride=2), _Unit(16, 24, stride=2), _Unit(24, 24), _Unit(24, 24))
        self.mid = nn.Sequential(_Unit(24, 48, stride=2), _Unit(48, 48))
        self.coarse = nn.Sequential(_Unit(48, 64, stride=2), _Unit(64, 64))
        self.wide = nn.Sequential(nn.AvgPool2d(CELLS // 4), _Unit(64, 64, 1))
        self.down, self.across, self.up = _Unit(64, 48, 1), _Unit(48, 32), _Unit(32, 32, 1)
        self.side = _Unit(24, 32, 1)
        self.last = nn.Sequential(_Unit(32, 32), nn.Conv2d(32, 5, 1))
        nn.init.constant_(self.last[-1].bias[:1], -4.0)

    def forward(self, bgr: Tensor) -> Tensor:
        fine = self.fine((bgr - 114.0) / 64.0)
        half = self.mid(fine)
        coarse = self.coarse(half)
        coarse = coarse + self.wide(coarse)
        half = self.across(half + _upsample(self.down(coarse)))
        return self.last(self.side(fine) + _upsample(self.up(half)))


def _upsample(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


def loss_of(out: Tensor, is_head: Tensor, edges: Tensor) -> Tensor:
    """The focal loss of finding heads, and the pinball loss of their edges, relative to the size of the head.

    An edge that is too far inside costs `OUTSIDE` / (1 - `OUTSIDE`) times as much as one that is as far outside: the
    network learns boxes whose edges lie outside of the head's in that share of the cases, and farther out where it
    cannot tell, as on the side on which a cap may have its peak."""
    logit, found = out[:, 0].float(), out[:, 1:].float()
    is_known, target = is_head >= 0, (is_head > 0).float()
    chance = torch.sigmoid(logit)
    off = torch.where(target > 0, 1 - chance, chance)
    cross = nn.functional.binary_cross_entropy_with_logits(logit, target, reduction="none")
    finding = (cross * off**FOCUS * is_known).sum() / target.sum().clamp(min=1)
    rows = target > 0
    a = found.permute(0, 2, 3, 1)[rows].clamp(-4, 4).exp()
    b = edges.permute(0, 2, 3, 1)[rows]
    inside = (b - a) / (b[:, :2] + b[:, 2:]).repeat(1, 2)
    pinball = torch.maximum(OUTSIDE * inside, (OUTSIDE - 1) * inside)
    return finding + EDGES * pinball.mean() if len(a) else finding


def windows_of(picture: HeadPicture, random: np.random.Generator) -> Iterator[tuple[Image, Floats, Floats]]:
    """Windows of a picture as for training: their pixels, what each cell is, and the distances of edges."""
    boxes = picture.people[random.permutation(len(picture.people))[:MOST_WINDOWS]]
    jittered = [_as_detected(box, random) for box in boxes]
    if picture.is_strict:
        jittered += [_anywhere(picture.bgr, random) for _ in range(2 if len(boxes) else 4)]
    for box in jittered:
        side = SPACE * max(float((box[2:] - box[:2]).max()), 8.0)
        corner = (box[:2] + box[2:]) / 2 - side / 2
        window = np.array([*corner, side], np.float32)
        is_head, edges = _targets(picture, window, None if picture.is_strict else box)
        pixels = cut_window(picture.bgr, window)
        if random.random() < 0.15:
            pixels, is_head = _as_crop(pixels, is_head, (box - np.tile(window[:2], 2)) / side)
        yield _varied(pixels, is_head, edges, random)


def _as_detected(box: Floats, random: np.random.Generator) -> Floats:
    """A box of a person as a detector may give it: moved, too large or small, or of a part of the person."""
    moved = box.copy()
    size = box[2:] - box[:2]
    if random.random() < 0.2:
        moved[3] = moved[1] + size[1] * random.uniform(0.25, 1)
    elif random.random() < 0.1:
        moved[1] = moved[3] - size[1] * random.uniform(0.6, 1)
    if random.random() < 0.1:
        moved[[0, 2]] += size[0] * random.uniform(-1, 1, 2)
    size = np.abs(moved[2:] - moved[:2])
    middle = (moved[:2] + moved[2:]) / 2 + size.max() * random.normal(0, 0.05, 2)
    size = size * np.exp(random.normal(0, 0.13))
    return np.concatenate([middle - size / 2, middle + size / 2]).astype(np.float32)


def _as_crop(pixels: Image, is_head: Floats, box: Floats) -> tuple[Image, Floats]:
    """A window as of a crop that was cut out along `box` (in shares of the window): all round it is grey."""
    left, top, right, bottom = np.rint(box * WINDOW_PX).astype(int).clip(0).tolist()
    crop = np.full_like(pixels, GREY)
    crop[top:bottom, left:right] = pixels[top:bottom, left:right]
    inside = np.zeros(is_head.shape, bool)
    inside[top // STRIDE : -(-bottom // STRIDE), left // STRIDE : -(-right // STRIDE)] = True
    return crop, np.where(inside | (is_head == 0), is_head, -1).astype(np.float32)


def _anywhere(bgr: Image, random: np.random.Generator) -> Floats:
    height, width = bgr.shape[:2]
    high = height * np.exp(random.uniform(np.log(0.07), np.log(0.8)))
    size = np.array([high / random.uniform(0.8, 3.5), high])
    middle = random.uniform(0, 1, 2) * (width, height)
    return np.concatenate([middle - size / 2, middle + size / 2]).astype(np.float32)


def _targets(picture: HeadPicture, window: Floats, person: Floats | None) -> tuple[Floats, Floats]:
    """What each cell is, and the distances of edges in cells. Outside of a `person`, nothing is known to be no head."""
    scale = CELLS / window[2]
    offset = np.tile(window[:2], 2)
    heads, unsure = (picture.heads - offset) * scale, (picture.unsure - offset) * scale
    rows, columns = np.mgrid[:CELLS, :CELLS] + 0.5
    is_head, edges = np.zeros((CELLS, CELLS), np.float32), np.ones((4, CELLS, CELLS), np.float32)
    if person is not None:
        x1, y1, x2, y2 = (person - offset) * scale
        spare = 0.06 * CELLS
        is_head[~((columns > x1 - spare) & (columns < x2 + spare) & (rows > y1 - spare) & (rows < y2 + spare))] = -1
    for x1, y1, x2, y2 in unsure:
        is_head[(columns > x1 - 0.5) & (columns < x2 + 0.5) & (rows > y1 - 0.5) & (rows < y2 + 0.5)] = -1
    for x1, y1, x2, y2 in heads:
        is_head[(columns > x1 - 0.5) & (columns < x2 + 0.5) & (rows > y1 - 0.5) & (rows < y2 + 0.5)] = -1
    # Small heads last: of a cell in two heads, it is the smaller, which is less likely to have another cell.
    for x1, y1, x2, y2 in sorted(heads.tolist(), key=lambda head: -(head[2] - head[0]) * (head[3] - head[1])):
        half = np.maximum(CENTRAL / 2 * np.array([x2 - x1, y2 - y1]), 0.5)
        middle = np.array([x1 + x2, y1 + y2]) / 2
        central = (np.abs(columns - middle[0]) <= half[0]) & (np.abs(rows - middle[1]) <= half[1])
        is_head[central] = 1
        sides = np.stack([columns - x1, rows - y1, x2 - columns, y2 - rows])
        edges[:, central] = np.maximum(sides, 0.1)[:, central]
    return is_head, edges


def _varied(
    picture: Image, is_head: Floats, edges: Floats, random: np.random.Generator
) -> tuple[Image, Floats, Floats]:
    """A window turned or mirrored, in other light, less sharp."""
    if random.random() < 0.5:
        picture, is_head, edges = picture[:, ::-1], is_head[:, ::-1], edges[[2, 1, 0, 3], :, ::-1]
    if random.random() < 0.12:  # somebody who lies
        turns = int(random.integers(1, 4))
        picture, is_head = np.rot90(picture, turns), np.rot90(is_head, turns)
        edges = np.rot90(edges, turns, axes=(1, 2))[_turned(turns)]
    picture = np.ascontiguousarray(picture)
    if random.random() < 0.3:
        small = int(random.integers(28, 90))
        picture = cv2.resize(cv2.resize(picture, (small, small), None, 0, 0, cv2.INTER_AREA), (WINDOW_PX, WINDOW_PX))
    light = picture.astype(np.float32)
    if random.random() < 0.2:
        light = np.repeat(light.mean(axis=2, keepdims=True), 3, axis=2)
    gain = np.exp(random.normal(0, 0.25)) * np.exp(random.normal(0, 0.08, 3))
    light = (light - 114) * np.float32(np.exp(random.normal(0, 0.2))) + (114 * gain + random.normal(0, 12)).astype(
        np.float32
    )
    if random.random() < 0.4:
        light += random.standard_normal(light.shape, np.float32) * np.float32(random.uniform(1, 9))
    picture = np.clip(light, 0, 255).astype(np.uint8)
    if random.random() < 0.3:
        _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(25, 85))])
        picture = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return picture, np.ascontiguousarray(is_head), np.ascontiguousarray(edges)


def _turned(turns: int) -> list[int]:
    """Which of the edges (left, upper, right, lower) come to be these after quarter turns to the left."""
    order = [0, 1, 2, 3]
    for _ in range(turns):
        left, upper, right, lower = order
        order = [upper, right, lower, left]
    return order


def batches(drawn: Path, real: Path, random: np.random.Generator) -> Iterator[list[Tensor]]:
    """Batches without an end. The folders are listed again each time round, as pictures may still be added to them."""
    pool: list[tuple[Image, Floats, Floats]] = []
    while True:
        files = [sorted((folder / "heads").glob("*.txt")) for folder in (drawn, real)]
        chosen = [
            of[row] for of, count in zip(files, ROUND, strict=True) for row in random.permutation(len(of))[:count]
        ]
        for number in random.permutation(len(chosen)).tolist():
            pool += windows_of(read_head_picture(chosen[number]), random)
            while len(pool) >= POOL:
                rows = sorted(random.choice(len(pool), BATCH, replace=False).tolist(), reverse=True)
                batch = [pool.pop(row) if random.random() < 1 / TIMES else pool[row] for row in rows]
                yield [torch.from_numpy(np.stack(column)) for column in zip(*batch, strict=True)]


def train(drawn: Path, real: Path, out: Path, minutes: float, rate: float, start: Path | None = None) -> None:
    """Train for that many minutes, the rate rising at first and falling to nothing, and write the mean of the weights
    that it went through (EMA)."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    network = HeadNetwork().to(memory_format=torch.channels_last).train()
    if start:
        network.load_state_dict(torch.load(start, weights_only=True))
    mean = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.01)
    begin, sums = time.monotonic(), []
    for step, (pictures, is_head, edges) in enumerate(batches(drawn, real, random)):
        done = (time.monotonic() - begin) / 60 / minutes
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 200) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * done)))
        images = pictures.permute(0, 3, 1, 2).to(memory_format=torch.channels_last).float()
        with torch.autocast("cpu", torch.bfloat16):
            result = network(images)
        loss = loss_of(result, is_head, edges)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        _move(mean, network, min(0.998, (1 + step) / (10 + step)))
        sums.append(float(loss.detach()))
        if step % 100 == 99:
            sys.stdout.write(f"step {step + 1}, {done:.0%}, loss {np.mean(sums[-100:]):.3f}\n")
            torch.save(mean.state_dict(), out)
    torch.save(mean.state_dict(), out)


def _move(mean: HeadNetwork, network: HeadNetwork, share: float) -> None:
    """Make the mean that share of itself, and the rest of the network."""
    new = network.state_dict()
    for name, value in mean.state_dict().items():
        value.lerp_(new[name], 1 - share) if value.is_floating_point() else value.copy_(new[name])


def export_onnx(weights: Path, out: Path) -> None:
    """Write the network as an ONNX file, with weights in half precision, whose output are scores and distances."""
    onnx = importlib.import_module("onnx")  # comes with the tools for development

    network = HeadNetwork().eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    buffer = io.BytesIO()
    example = torch.zeros(1, 3, WINDOW_PX, WINDOW_PX)
    names = {"input_names": ["bgr"], "output_names": ["heads"], "dynamic_axes": {"bgr": {0: "n"}, "heads": {0: "n"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older of the two exporters is meant, which needs no other package
        torch.onnx.export(_Readable(network), (example,), buffer, dynamo=False, opset_version=17, **names)
    graph = onnx.load_from_string(buffer.getvalue())
    halves = [tensor for tensor in graph.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]
    for tensor in halves:
        name = tensor.name
        values = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, f"{name}_half"))
        node = onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT)
        graph.graph.node.insert(0, node)
    write_atomically(out, graph.SerializeToString())


class _Readable(nn.Module):
    """The network with scores in place of logits, and distances in place of their logarithms."""

    def __init__(self, network: HeadNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, bgr: Tensor) -> Tensor:
        out = self.network(bgr)
        return torch.cat([torch.sigmoid(out[:, :1]), out[:, 1:].clamp(-4, 4).exp()], dim=1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.lab.training.heads", description=__doc__)
    parser.add_argument("--drawn", type=Path, required=True)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="FILE.onnx, and beside it FILE.pt")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--rate", type=float, default=0.003)
    parser.add_argument("--start", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    weights = options.out.with_suffix(".pt")
    train(options.drawn, options.real, weights, options.minutes, options.rate, options.start)
    export_onnx(weights, options.out.with_suffix(".onnx"))


if __name__ == "__main__":
    main()
