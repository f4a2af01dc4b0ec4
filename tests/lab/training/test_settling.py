"""Means taken anew: they are those of the crops, and nothing else of the embedder changes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.cli import main
from core.lab.training import read_unlabelled, recompute_batchnorm
from core.vision.models import find
from tests.lab.training.making import market

pytestmark = pytest.mark.slow
SMALL = ["--size", "64x32", "--epochs", "1", "--people", "4", "--pictures", "2", "--progress", "none"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("means")
    crops = market(folder / "crops", people=6)
    main(["train", "reid", str(crops), "--out", str(folder / "out"), "--backbone", "osnet_x0_25", *SMALL])
    return crops, folder / "out" / "embedder.safetensors"


@pytest.mark.always
def test_only_means_and_variances_change(trained: tuple[Path, Path], tmp_path: Path) -> None:
    crops, weights = trained
    words = ["train", "recompute-bn", str(weights), str(crops), "--out", str(tmp_path / "new.safetensors")]
    assert main([*words, "--progress", "none"]) == 0
    before, after = load_file(weights), load_file(tmp_path / "new.safetensors")
    assert before.keys() == after.keys()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed and all(key.endswith(("running_mean", "running_var")) for key in changed)
    assert sum(key.endswith("running_mean") for key in changed) > 20
    model = find(str(tmp_path / "new.safetensors"), "embedder")
    assert (model.input.height, model.input.width) == (64, 32)


def test_the_first_mean_is_that_of_the_crops(trained: tuple[Path, Path], tmp_path: Path) -> None:
    """Of the first convolution, whose outputs nothing before it normalises."""
    from core.lab.training import as_input, load_pictures

    crops, weights = trained
    recompute_batchnorm(weights, [read_unlabelled(crops)], 1000, tmp_path / "new.safetensors", 0, Progress())
    state = load_file(tmp_path / "new.safetensors")
    x = as_input(load_pictures(read_unlabelled(crops), 64, 32), torch.device("cpu"))
    out = torch.nn.functional.conv2d(x, state["conv1.conv.weight"].float(), stride=2, padding=3)
    expected, spread = out.mean((0, 2, 3)).numpy(), out.std().item()
    np.testing.assert_allclose(state["conv1.bn.running_mean"].float(), expected, atol=0.02 * spread)


def test_the_same_seed_gives_the_same_means(trained: tuple[Path, Path], tmp_path: Path) -> None:
    crops, weights = trained
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        recompute_batchnorm(weights, [read_unlabelled(crops)], 10, tmp_path / name, seed, Progress())
    one, same, other = (load_file(tmp_path / name) for name in ("a", "b", "c"))
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not all(torch.equal(one[key], other[key]) for key in one)


def test_weights_of_others_are_refused(trained: tuple[Path, Path], tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "theirs.safetensors")
    with pytest.raises(SettingsError, match="not made by train reid"):
        recompute_batchnorm(
            tmp_path / "theirs.safetensors", [read_unlabelled(trained[0])], 10, tmp_path / "out", 0, Progress()
        )
