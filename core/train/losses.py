"""What a re-identification network is taught with: losses over a batch that holds several pictures of several people.

Vectors come as (n, d) tensors, people as (n,). Distances are Euclidean between unit vectors, so they lie in 0 to 2.
"""

# mypy: disable-error-code="misc"
# PyTorch is not followed by the type checker, so its classes have no type to inherit.

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

METRIC_LOSSES = ("triplet", "contrastive", "margin")


def distances(vectors: Tensor) -> Tensor:
    """(n, d) -> (n, n) Euclidean distances of the vectors scaled to length 1, in single precision."""
    unit = functional.normalize(vectors.float())
    return (2 - 2 * unit @ unit.T).clamp_min(1e-8).sqrt()


def triplet(vectors: Tensor, person: Tensor, margin: float) -> Tensor:
    """Batch hard: each picture's farthest own kind must be nearer than its nearest stranger, by `margin`."""
    apart, same = distances(vectors), person[:, None] == person[None]
    own = apart.masked_fill(~same, -1).amax(1)
    strange = apart.masked_fill(same, 3).amin(1)
    return functional.relu(own - strange + margin).mean()


def contrastive(vectors: Tensor, person: Tensor, margin: float) -> Tensor:
    """Siamese pairs: own kind together, strangers at least `margin` apart. Both kinds of pairs weigh the same."""
    apart, same = distances(vectors), person[:, None] == person[None]
    own = same & ~torch.eye(len(person), dtype=torch.bool, device=person.device)
    return apart[own].square().mean() + functional.relu(margin - apart[~same]).square().mean()


class Margin(nn.Module):
    """A border between own kind and strangers that is learned with the network (Wu and others, 2017), `margin` wide."""

    def __init__(self, margin: float, border: float = 1.2) -> None:
        super().__init__()
        self.margin, self.border = margin, nn.Parameter(torch.tensor(border))

    def forward(self, vectors: Tensor, person: Tensor) -> Tensor:
        apart, same = distances(vectors), person[:, None] == person[None]
        own = same & ~torch.eye(len(person), dtype=torch.bool, device=person.device)
        near = functional.relu(apart[own] - self.border + self.margin)
        far = functional.relu(self.border - apart[~same] + self.margin)
        # Only pairs on the wrong side count: most strangers are far already and would thin the mean.
        wrong = ((near > 0).sum() + (far > 0).sum()).clamp_min(1)
        return (near.sum() + far.sum()) / wrong


def alike(vectors: Tensor, teacher: Tensor) -> Tensor:
    """How far the similarities between all pairs of the batch are from those that a stronger embedder sees."""
    ours, theirs = functional.normalize(vectors.float()), functional.normalize(teacher.float())
    return (ours @ ours.T - theirs @ theirs.T).square().mean()


def towards(projected: Tensor, teacher: Tensor) -> Tensor:
    """1 - cosine of each vector with the teacher's, on average."""
    return 1 - functional.cosine_similarity(projected.float(), teacher.float()).mean()
