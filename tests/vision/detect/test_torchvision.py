"""Faster R-CNN as torchvision builds it, with random weights made here: what we answer is what torchvision answers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.base.errors import BackendError, WeightsError
from core.base.settings import DetectSettings
from core.base.types import Image
from core.vision.detect import Boxes, open_detector
from core.vision.models import InputConvention, Model, entries, find

torch = pytest.importorskip("torch")
detection = pytest.importorskip("torchvision.models.detection")

RESNET, MOBILENET = "fasterrcnn_resnet50_fpn_v2", "fasterrcnn_mobilenet_v3_large_fpn"
SIZE = 64


def random_weights(network: str, classes: int = 5) -> dict[str, Any]:
    """Weights whose answers are many, of all scores and classes: a fresh network's features are all alike."""
    torch.manual_seed(3)
    made = getattr(detection, network)(
        weights=None, weights_backbone=None, num_classes=classes, min_size=SIZE, max_size=SIZE
    )
    for part in made.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
    features: list[Any] = []
    made.roi_heads.box_head.register_forward_hook(lambda part, given, out: features.append(out))
    with torch.no_grad():
        made.backbone.train()(torch.randn(4, 3, SIZE, SIZE))
        made.eval()([torch.rand(3, SIZE, SIZE)])
        for layer, spread in (
            (made.roi_heads.box_predictor.cls_score, 3.0),
            (made.roi_heads.box_predictor.bbox_pred, 1.0),
        ):
            layer.weight.normal_().mul_(spread / features[0].std(0).norm())
            layer.bias.copy_(-layer.weight @ features[0].mean(0))
        made.roi_heads.box_predictor.cls_score.bias[1] += 2
    return dict(made.state_dict())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


def save(folder: Path, network: str) -> Model:
    path = folder / f"{network}.pth"
    torch.save(random_weights(network), path)
    return Model(path.stem, "detector", path, "pt", "0" * 64, network, InputConvention())


@pytest.fixture(scope="module")
def saved(folder: Path) -> Model:
    """The small one: what is the same for both is tried with it."""
    return save(folder, MOBILENET)


@pytest.fixture(scope="module", params=[pytest.param(RESNET, marks=pytest.mark.slow), MOBILENET])
def either(request: pytest.FixtureRequest, folder: Path) -> Model:
    return save(folder, request.param)


@pytest.fixture(scope="module")
def picture() -> Image:
    """Blobs of strong colours, so that channels in the wrong order cannot go unseen."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 255, (9, 16, 3), np.uint8)
    coarse[..., 0] //= 4
    return np.asarray(np.kron(coarse, np.ones((8, 8, 1), np.uint8)), np.uint8)


def torchvisions_own(model: Model, channels_first: Any, size: int = SIZE) -> Boxes:
    """torchvision's model, its weights loaded by torchvision's own means, asked as its documentation says."""
    network = getattr(detection, model.architecture)(
        weights=None, weights_backbone=None, num_classes=5, min_size=size, max_size=size, box_detections_per_img=300
    )
    network.load_state_dict(torch.load(model.path, weights_only=True))
    with torch.no_grad():
        said = network.eval()([channels_first])[0]
    people = said["labels"] == 1
    return Boxes(said["boxes"][people].numpy(), said["scores"][people].numpy())


def as_rgb(picture: Image) -> Any:
    return torch.from_numpy(picture[:, :, ::-1].copy()).permute(2, 0, 1) / 255.0


@pytest.mark.slow
def test_the_boxes_are_torchvisions_and_the_colours_are_in_order(either: Model, picture: Image) -> None:
    detector = open_detector(either, DetectSettings(size=SIZE), "torch")
    (ours,) = detector.detect([picture])
    theirs = torchvisions_own(either, as_rgb(picture))
    assert len(theirs.score) >= 3
    np.testing.assert_allclose(ours.xyxy, theirs.xyxy, atol=1e-3)
    np.testing.assert_allclose(ours.score, theirs.score, atol=1e-5)
    assert ours.xyxy.dtype == ours.score.dtype == np.float32
    swapped = torchvisions_own(either, as_rgb(picture[:, :, ::-1]))
    assert len(swapped.score) != len(ours.score) or np.abs(swapped.score - ours.score).max() > 1e-3
    assert "PyTorch, CPU, float32" in detector.description and either.name in detector.description


def test_scores_reach_the_floor_and_raising_it_only_removes(saved: Model, picture: Image) -> None:
    low, high = (
        next(iter(open_detector(saved, DetectSettings(size=SIZE, floor=floor), "torch").detect([picture])))
        for floor in (0.05, 0.5)
    )
    assert low.score.min() >= 0.05 and (np.diff(low.score) <= 0).all()
    assert 0 < len(high.score) < len(low.score)
    kept = low.score > 0.5
    np.testing.assert_allclose(high.xyxy, low.xyxy[kept], atol=1e-3)


@pytest.mark.slow
def test_the_boxes_are_in_pixels_of_the_frame_whatever_the_size(saved: Model, picture: Image) -> None:
    """A larger size looks closer (other boxes), and answers in the frame's own pixels all the same."""
    sides = []
    for size in (SIZE, SIZE + 32):
        detector = open_detector(saved, DetectSettings(size=size), "torch")
        assert detector.frame_size(1280, 720) == (size, size * 9 // 16)
        (found,) = detector.detect([picture])
        theirs = torchvisions_own(saved, as_rgb(picture), size)
        np.testing.assert_allclose(found.xyxy, theirs.xyxy, atol=1e-3)
        assert len(found.score) >= 3
        assert (found.xyxy >= 0).all() and (found.xyxy <= [128, 72, 128, 72]).all()
        sides.append(found.xyxy[:3])
    assert np.abs(sides[0] - sides[1]).max() > 0.5


def test_one_answer_for_each_frame_in_order_and_none_for_none(saved: Model, picture: Image) -> None:
    detector = open_detector(saved, DetectSettings(size=SIZE), "torch")
    frames = [picture, picture[::-1]]
    together = list(detector.detect(iter(frames)))
    alone = [next(iter(detector.detect([frame]))) for frame in frames]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.xyxy, other.xyxy)
    assert list(detector.detect([])) == []


def test_nobody_is_length_zero(saved: Model, picture: Image) -> None:
    detector = open_detector(saved, DetectSettings(size=SIZE, floor=1.0), "torch")
    (found,) = detector.detect([picture])
    assert found.xyxy.shape == (0, 4) and found.score.shape == (0,)


def test_half_precision_is_for_the_parts_that_bear_it(saved: Model, picture: Image) -> None:
    """As on CUDA, computed here: features within half precision's error, handed on as float32; so are the boxes."""
    from core.vision.detect import build_network, to_half_precision

    network = build_network(saved, DetectSettings(size=SIZE))
    given = torch.randn(1, 3, SIZE, SIZE)
    with torch.inference_mode():
        maps = network.backbone(given)
        pooled = torch.randn(5, 256, 7, 7)
        full = [*maps.values(), network.roi_heads.box_head(pooled), *network.rpn.head(list(maps.values()))[0]]
        to_half_precision(network)
        half_maps = network.backbone(given)
        half = [*half_maps.values(), network.roi_heads.box_head(pooled), *network.rpn.head(list(maps.values()))[0]]
        (found,) = network([as_rgb(picture)])
    assert list(half_maps) == list(maps)
    assert {p.dtype for p in network.backbone.parameters()} == {torch.float16}
    for one, other in zip(full, half, strict=True):
        assert other.dtype == torch.float32
        assert 0 < (one - other).norm() / one.norm() < 0.05
    assert len(found["boxes"]) and found["boxes"].dtype == torch.float32 and found["boxes"].isfinite().all()


def test_the_device_decides_and_openvino_is_refused(saved: Model) -> None:
    with pytest.raises(BackendError, match="runs on PyTorch only"):
        open_detector(saved, DetectSettings(size=SIZE), "openvino")
    assert "PyTorch" in open_detector(saved, DetectSettings(size=SIZE), "auto").description


def test_a_file_is_known_by_its_weights(either: Model, tmp_path: Path) -> None:
    found = find(str(either.path), "detector")
    assert found.architecture == either.architecture
    other = tmp_path / "mine.pth"
    other.write_bytes(either.path.read_bytes())
    mine = find(str(other), "detector")
    assert (mine.name, mine.architecture) == ("mine", either.architecture)
    assert "5 classes are its own" in mine.assumed[0]


def test_what_cannot_be_used_is_said(saved: Model, tmp_path: Path) -> None:
    whole = saved.path.read_bytes()
    cut = tmp_path / "cut.pth"
    cut.write_bytes(whole[: len(whole) // 2])
    other = tmp_path / "other.pth"
    torch.save({"fc.weight": torch.zeros(3, 4)}, other)
    state = torch.load(saved.path, weights_only=True)
    partial = tmp_path / "partial.pth"
    torch.save({name: value for name, value in state.items() if not name.startswith("rpn.")}, partial)
    settings = DetectSettings(size=SIZE)
    for path, words in ((cut, "cannot be read as weights"), (other, "another network"), (partial, "does not fit")):
        with pytest.raises(WeightsError, match=words):
            open_detector(replace(saved, path=path), settings, "torch")
    for path, words in ((cut, "cannot be read as weights"), (other, "holds no detector known here")):
        with pytest.raises(WeightsError, match=words):
            find(str(path), "detector")


def test_the_manifest_knows_both() -> None:
    for name in (RESNET, MOBILENET):
        entry = entries()[name]
        assert (entry.model.architecture, entry.model.kind) == (name, "detector")
        assert entry.sha256 in entry.file and entry.model.url.endswith(entry.file)
