"""What a re-identification network is taught with: losses over a batch that holds several pictures of several people.

Vectors come as (n, d) tensors, people as (n,). Distances are Euclidean between unit vectors, so they lie in 0 to 2.

The network while it is trained: a backbone, the neck that ships with it, and heads that stay behind.

The neck is a batch normalisation without shift (BNNeck, Luo and others 2019): metric losses see the vectors before it,
the identity loss and every later comparison those after it."""

# mypy: disable-error-code="misc"
# PyTorch is not followed by the type checker, so its classes have no type to inherit.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.base.errors import SettingsError, WeightsError
from core.vision.embed import CHANNELS, FEATURES, NECK, Steady, body, split_state
from core.vision.models import STEADY, architecture, read_state

METRIC_LOSSES = ("triplet", "contrastive", "margin")


def pairwise_distances(vectors: Tensor) -> Tensor:
    """(n, d) -> (n, n) Euclidean distances of the vectors scaled to length 1, in single precision."""
    unit = functional.normalize(vectors.float())
    return (2 - 2 * unit @ unit.T).clamp_min(1e-8).sqrt()


def triplet_loss(vectors: Tensor, person: Tensor, margin: float) -> Tensor:
    """Batch hard: each picture's farthest own kind must be nearer than its nearest stranger, by `margin`."""
    apart, same = pairwise_distances(vectors), person[:, None] == person[None]
    own = apart.masked_fill(~same, -1).amax(1)
    strange = apart.masked_fill(same, 3).amin(1)
    return functional.relu(own - strange + margin).mean()


def contrastive_loss(vectors: Tensor, person: Tensor, margin: float) -> Tensor:
    """Siamese pairs: own kind together, strangers at least `margin` apart. Both kinds of pairs weigh the same."""
    apart, same = pairwise_distances(vectors), person[:, None] == person[None]
    own = same & ~torch.eye(len(person), dtype=torch.bool, device=person.device)
    return apart[own].square().mean() + functional.relu(margin - apart[~same]).square().mean()


class MarginLoss(nn.Module):
    """A border between own kind and strangers that is learned with the network (Wu and others, 2017), `margin` wide."""

    def __init__(self, margin: float, border: float = 1.2) -> None:
        super().__init__()
        self.margin, self.border = margin, nn.Parameter(torch.tensor(border))

    def forward(self, vectors: Tensor, person: Tensor) -> Tensor:
        apart, same = pairwise_distances(vectors), person[:, None] == person[None]
        own = same & ~torch.eye(len(person), dtype=torch.bool, device=person.device)
        near = functional.relu(apart[own] - self.border + self.margin)
        far = functional.relu(self.border - apart[~same] + self.margin)
        # Only pairs on the wrong side count: most strangers are far already and would thin the mean.
        wrong = ((near > 0).sum() + (far > 0).sum()).clamp_min(1)
        return (near.sum() + far.sum()) / wrong


def similarity_loss(vectors: Tensor, teacher: Tensor) -> Tensor:
    """How far the similarities between all pairs of the batch are from those that a stronger embedder sees."""
    ours, theirs = functional.normalize(vectors.float()), functional.normalize(teacher.float())
    return (ours @ ours.T - theirs @ theirs.T).square().mean()


def regression_loss(projected: Tensor, teacher: Tensor) -> Tensor:
    """1 - cosine of each vector with the teacher's, on average."""
    return 1 - functional.cosine_similarity(projected.float(), teacher.float()).mean()


RESNET_FEATURES = 2048


@dataclass(frozen=True)
class Backbone:
    """A network that can be trained: how it is built, with random weights, and the length of its vectors."""

    build: Callable[[], nn.Module]
    width: int


_PLAIN = {**dict.fromkeys(CHANNELS, FEATURES), "resnet50": RESNET_FEATURES}
BACKBONES = {
    before + name: Backbone(partial(body, before + name), width)
    for before in ("", STEADY)
    for name, width in _PLAIN.items()
}


class Student(nn.Module):
    """`people` is how many identities the training set has, `teacher` the length of the teacher's vectors (0: none)."""

    def __init__(self, backbone: str, people: int, teacher: int = 0) -> None:
        super().__init__()
        if backbone not in BACKBONES:
            raise SettingsError(f"{backbone} is no backbone known here", f"Known: {', '.join(BACKBONES)}.")
        self.backbone = BACKBONES[backbone].build()
        width = BACKBONES[backbone].width
        self.neck = nn.BatchNorm1d(width)
        self.neck.bias.requires_grad_(False)
        self.identity = nn.Linear(width, people, bias=False)
        nn.init.normal_(self.identity.weight, std=0.01)
        self.project = nn.Linear(width, teacher) if teacher else None

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors before and after the neck, in single precision."""
        before = self.backbone(pictures).float()
        return before, self.neck(before)

    def projected(self, vectors: Tensor) -> Tensor:
        """Vectors after the neck, as the teacher would have put them."""
        if self.project is None:
            raise ValueError("this network has no teacher")
        found: Tensor = self.project(vectors)
        return found

    def learn(self, settled: bool) -> None:
        """Ready for a training step; `settled` normalises with the means and spreads that are there already."""
        self.train()
        if settled:
            for norm in self.norms():
                norm.eval()

    def norms(self) -> list[nn.Module]:
        """The batch normalisations, which keep means and spreads."""
        return [module for module in self.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]

    def shipped(self) -> dict[str, Tensor]:
        """What is needed to embed: backbone and neck, under the names that `core.embed` reads."""
        neck = {NECK + key: value for key, value in self.neck.state_dict().items()}
        return {**self.backbone.state_dict(), **neck}

    def halved(self) -> dict[str, Tensor]:
        """The same as it is written to a file: in half precision, without counters of batches."""
        state = {key: value.detach().cpu().half().contiguous() for key, value in self.shipped().items()}
        return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}

    def begin_from(self, path: Path) -> None:
        """Take over backbone and neck of a checkpoint (ours, torchreid's, torchvision's); heads start anew."""
        state = read_state(path)
        if not architecture(state):
            raise WeightsError(
                f"{path.name} holds no network that can be trained here", f"Known: {', '.join(BACKBONES)}."
            )
        within, neck = split_state(state, architecture(state))
        plain = not architecture(state).startswith(STEADY)
        try:
            if plain and isinstance(self.backbone, Steady):
                self.backbone.begin_from(within)
            else:
                self.backbone.load_state_dict(within)
            if neck:
                self.neck.load_state_dict(neck)
        except RuntimeError as fault:
            raise WeightsError(f"{path.name} does not fit the backbone asked for", "Name its own backbone.") from fault


def initialise(student: Student, seed: int) -> None:
    """The same random weights for the same seed, whatever was drawn before."""
    torch.manual_seed(seed)
    for module in student.backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
    nn.init.normal_(student.identity.weight, std=0.01)
    if student.project is not None:
        nn.init.normal_(student.project.weight, std=0.01)
        nn.init.zeros_(student.project.bias)
