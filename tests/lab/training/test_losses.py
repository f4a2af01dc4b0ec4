"""Losses against the same sums written out pair by pair, and their gradients where they should vanish."""

import numpy as np
import pytest
import torch

from core.lab.training import network as losses


def vectors(seed: int, people: int = 4, each: int = 3, size: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    drawn = torch.tensor(rng.normal(size=(people * each, size)), dtype=torch.float32)
    return drawn, torch.arange(people).repeat_interleave(each)


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b)))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("margin", [0.0, 0.3, 1.0])
def test_triplet_is_the_hardest_of_each_picture(seed: int, margin: float) -> None:
    drawn, who = vectors(seed)
    x, y = drawn.numpy(), who.numpy()
    rows = []
    for i in range(len(x)):
        own = max(apart(x[i], x[j]) for j in range(len(x)) if y[j] == y[i])
        strange = min(apart(x[i], x[j]) for j in range(len(x)) if y[j] != y[i])
        rows.append(max(0.0, own - strange + margin))
    assert losses.triplet_loss(drawn, who, margin).item() == pytest.approx(np.mean(rows), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_contrastive_is_the_mean_over_pairs_of_each_kind(seed: int) -> None:
    drawn, who = vectors(seed)
    x, y = drawn.numpy(), who.numpy()
    pairs = [(i, j) for i in range(len(x)) for j in range(len(x)) if i != j]
    own = [apart(x[i], x[j]) ** 2 for i, j in pairs if y[i] == y[j]]
    far = [max(0.0, 0.9 - apart(x[i], x[j])) ** 2 for i, j in pairs if y[i] != y[j]]
    assert losses.contrastive_loss(drawn, who, 0.9).item() == pytest.approx(np.mean(own) + np.mean(far), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_margin_counts_pairs_on_the_wrong_side_of_its_border(seed: int) -> None:
    drawn, who = vectors(seed)
    x, y = drawn.numpy(), who.numpy()
    terms = []
    for i in range(len(x)):
        for j in range(len(x)):
            if i != j:
                side = 1 if y[i] == y[j] else -1
                terms.append(max(0.0, 0.2 + side * (apart(x[i], x[j]) - 1.2)))
    wrong = [t for t in terms if t > 0]
    loss = losses.MarginLoss(0.2)(drawn, who)
    assert loss.item() == pytest.approx(sum(wrong) / len(wrong), abs=1e-4)
    loss.backward()


@pytest.mark.parametrize("loss", [losses.triplet_loss, losses.contrastive_loss])
def test_people_who_are_told_apart_cost_nothing(loss: object) -> None:
    # Opposite corners: own kind at 0, strangers at the square root of 2.
    drawn, who = torch.eye(3).repeat_interleave(2, 0), torch.arange(3).repeat_interleave(2)
    assert loss(drawn, who, 0.5).item() == pytest.approx(0, abs=1e-3)  # type: ignore[operator]


def test_length_of_a_vector_says_nothing() -> None:
    drawn, who = vectors(1)
    longer = drawn * torch.linspace(1, 9, len(drawn))[:, None]
    for loss in (losses.triplet_loss, losses.contrastive_loss):
        assert loss(drawn, who, 0.3).item() == pytest.approx(loss(longer, who, 0.3).item(), abs=1e-4)


def test_a_student_like_the_teacher_has_nothing_to_learn() -> None:
    drawn, _ = vectors(2)
    turn = torch.linalg.qr(torch.tensor(np.random.default_rng(0).normal(size=(5, 5)), dtype=torch.float32))[0]
    assert losses.similarity_loss(drawn @ turn, drawn).item() == pytest.approx(0, abs=1e-9)
    assert losses.regression_loss(3 * drawn, drawn).item() == pytest.approx(0, abs=1e-6)
    assert losses.similarity_loss(drawn.flip(0), drawn).item() > 0.01
    assert losses.regression_loss(-drawn, drawn).item() == pytest.approx(2, abs=1e-6)
