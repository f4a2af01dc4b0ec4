"""The embedder room: right numbers for given weights, whatever the runtime, the size of a crop and its company."""

import functools
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from core.base.errors import BackendError, WeightsError
from core.base.types import Floats, Image
from core.machine.device import Backend
from core.vision.embed import CropEmbedder, Embedder, OpenVinoNetwork, open_embedder, resize_crops
from core.vision.models import InputConvention, Model, find

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

ROOT = Path(__file__).resolve().parents[3]
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def crops(count: int, seed: int = 0) -> list[Image]:
    """Coloured blobs of many sizes: smooth, so that no resampling detail decides."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        small = rng.integers(0, 256, (6, 3, 3), dtype=np.uint8)
        made.append(cv2.resize(small, (int(rng.integers(20, 200)), int(rng.integers(40, 400)))))
    return made


def calibrated(network: Any) -> Any:
    """Random weights, but batch statistics of real inputs: otherwise all crops get nearly the same features."""
    for module in network.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.from_numpy(inputs(crops(12, seed=5))))
    return network.eval()


def inputs(pictures: list[Image], method: int = cv2.INTER_LINEAR) -> Floats:
    """The input convention of ImageNet networks, written out the slow way."""
    pixels = np.stack([cv2.resize(p, (128, 256), interpolation=method) for p in pictures])[..., ::-1] / 255.0
    normal: Floats = ((pixels - MEAN) / STD).transpose(0, 3, 1, 2).astype(np.float32)
    return normal


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    torch.manual_seed(7)
    network = calibrated(torchvision.models.resnet50(weights=None))
    path = tmp_path_factory.mktemp("weights") / "mine.pth"
    torch.save(network.state_dict(), path)
    return path, network


def theirs(network: Any, pictures: list[Image], flip: bool = False, method: int = cv2.INTER_LINEAR) -> Floats:
    """What torchvision's own network gives without its classifier."""
    x = torch.from_numpy(inputs(pictures, method))
    head, network.fc = network.fc, torch.nn.Identity()
    with torch.inference_mode():
        features = network(x) + (network(x.flip(3)) if flip else 0)
    network.fc = head
    normal: Floats = torch.nn.functional.normalize(features).numpy()
    return normal


@functools.cache
def opened(model: Model, backend: Backend, flip: bool = False) -> Embedder:
    return open_embedder(model, backend, flip)


@functools.cache
def openvino_f32(model: Model, flip: bool = False) -> Embedder:
    return CropEmbedder(model, OpenVinoNetwork(model, "f32"), flip)


@pytest.mark.slow
def test_resnet50_on_pytorch_equals_torchvision(resnet: tuple[Path, Any]) -> None:
    pictures = crops(5)
    embedder = open_embedder(find(str(resnet[0]), "embedder"), "torch")
    features = embedder.embed(pictures)
    assert features.shape == (5, 2048) == (5, embedder.dimension)
    assert features.dtype == np.float32
    assert np.ptp(features, axis=0).max() > 0.02  # not the same for every crop
    np.testing.assert_allclose(features, theirs(resnet[1], pictures), atol=1e-4)
    assert "PyTorch" in embedder.backend and "float32" in embedder.backend


@pytest.mark.slow
def test_resnet50_on_openvino_equals_torchvision(resnet: tuple[Path, Any]) -> None:
    pictures = crops(5)
    model = find(str(resnet[0]), "embedder")
    np.testing.assert_allclose(openvino_f32(model).embed(pictures), theirs(resnet[1], pictures), atol=1e-4)
    # OpenVINO's own choice of precision may be bfloat16.
    fast = open_embedder(model, "openvino")
    assert "OpenVINO" in fast.backend
    assert (fast.embed(pictures) * theirs(resnet[1], pictures)).sum(1).min() > 0.98


@pytest.mark.slow
def test_a_fine_tuned_checkpoint_gives_the_pooled_body_flipped_and_cubic(
    resnet: tuple[Path, Any], tmp_path: Path
) -> None:
    """As the baseline saves it: the body under `model.`, its unused `fc`, and a classifier block of its own."""
    state = {f"model.{key}": value for key, value in resnet[1].state_dict().items()}
    state |= {
        "classifier.add_block.0.weight": torch.zeros(512, 2048),
        "classifier.add_block.1.running_var": torch.ones(512),
    }
    state |= {"classifier.classifier.0.weight": torch.zeros(751, 512), "classifier.classifier.0.bias": torch.zeros(751)}
    (tmp_path / "ft_ResNet50").mkdir()
    for path in (tmp_path / "ft_ResNet50" / "net_last.pth", tmp_path / "net_last.pth"):
        torch.save(state, path)
        model = find(str(path), "embedder")
        assert (model.architecture, model.input.flip, model.input.resize) == ("ft_resnet50", True, "cubic")
        assert model.assumed
    pictures = crops(3)
    expected = theirs(resnet[1], pictures, flip=True, method=cv2.INTER_CUBIC)
    np.testing.assert_allclose(open_embedder(model, "torch").embed(pictures), expected, atol=1e-4)
    np.testing.assert_allclose(openvino_f32(model).embed(pictures), expected, atol=1e-4)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """OSNet x0.25 with random weights, as torchreid saves it."""
    from core.vision.embed import CHANNELS, OSNet

    torch.manual_seed(3)
    network = calibrated(OSNet(CHANNELS["osnet_x0_25"]))
    state = {f"module.{key}": value for key, value in network.state_dict().items()}
    state["module.classifier.weight"] = torch.zeros(751, 512)
    path = tmp_path_factory.mktemp("weights") / "mine.pth.tar-60"
    torch.save({"state_dict": state, "epoch": 60, "rank1": 0.5}, path)
    return find(str(path), "embedder")


@pytest.mark.slow
def test_both_runtimes_agree_on_a_torchreid_checkpoint(small: Model) -> None:
    pictures = crops(6)
    on_torch = opened(small, "torch").embed(pictures)
    assert on_torch.shape == (6, 512)
    assert np.ptp(on_torch, axis=0).max() > 0.05  # not the same for every crop
    np.testing.assert_allclose(openvino_f32(small).embed(pictures), on_torch, atol=1e-4)


def test_rows_are_unit_vectors_and_nothing_gives_an_empty_array(small: Model) -> None:
    for backend in ("torch", "openvino"):
        embedder = opened(small, backend)  # type: ignore[arg-type]
        np.testing.assert_allclose(np.linalg.norm(embedder.embed(crops(3)), axis=1), 1, atol=1e-5)
        none = embedder.embed([])
        assert none.shape == (0, 512) and none.dtype == np.float32


def test_company_does_not_change_a_crop(small: Model) -> None:
    """The default precision included: one by one, in threes, all at once, in another order."""
    pictures = crops(11)
    for backend in ("torch", "openvino"):
        embedder = opened(small, backend)  # type: ignore[arg-type]
        together = embedder.embed(pictures)
        for size in (1, 3):
            apart = np.concatenate([embedder.embed(pictures[i : i + size]) for i in range(0, len(pictures), size)])
            np.testing.assert_allclose(apart, together, atol=1e-5)
        np.testing.assert_allclose(embedder.embed(pictures[::-1])[::-1], together, atol=1e-5)


def test_company_does_not_change_a_crop_of_a_real_model(shared: Path) -> None:
    """With free batch sizes and bfloat16 this model differed by 0.004 between 1 and 8 crops at once."""
    embedder = open_embedder(find(str(shared / "weights" / "person-reidentification-retail-0287"), "embedder"))
    pictures = crops(11)
    apart = np.concatenate([embedder.embed([picture]) for picture in pictures])
    np.testing.assert_allclose(apart, embedder.embed(pictures), atol=1e-5)


def test_flip_makes_mirror_images_equal(small: Model) -> None:
    pictures = crops(4)
    mirrored = [picture[:, ::-1] for picture in pictures]
    for embedder in (opened(small, "torch", True), openvino_f32(small, True)):
        np.testing.assert_allclose(embedder.embed(pictures), embedder.embed(mirrored), atol=1e-5)
    assert np.abs(openvino_f32(small).embed(pictures) - openvino_f32(small).embed(mirrored)).max() > 1e-3


def test_the_digest_names_all_that_decides_the_numbers(small: Model) -> None:
    other_input = replace(small, input=replace(small.input, colour="bgr"))
    embedders = [
        opened(small, "torch"),
        opened(small, "torch", True),
        open_embedder(other_input, "torch"),
        openvino_f32(small),
    ]
    assert len({embedder.digest for embedder in embedders}) == len(embedders)
    assert open_embedder(small, "torch").digest == embedders[0].digest


def colour_model(path: Path, batch: int = 1) -> Path:
    """An OpenVINO model whose feature is the mean of each input channel, in the order and units in which they come."""
    from core.machine.offline import import_openvino

    ov = import_openvino()
    picture = ov.opset13.parameter([batch, 3, 64, 32], np.float32)
    out = ov.opset13.reduce_mean(picture, ov.opset13.constant([2, 3]), keep_dims=False)
    ov.save_model(ov.Model([out], [picture]), path, compress_to_fp16=False)
    return path


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        # a crop of B 10, G 20, R 40
        (InputConvention(32, 64, "bgr", 1), [10, 20, 40]),
        (InputConvention(32, 64, "rgb", 1), [40, 20, 10]),
        (InputConvention(32, 64, "rgb", 255), [40, 20, 10]),
        (InputConvention(32, 64, "rgb", 10, (1, 1, 2), (1, 2, 1)), [3, 0.5, -1]),
        (InputConvention(32, 64, "bgr", 10, (2, 1, 1), (1, 2, 1)), [-1, 0.5, 3]),
    ],
)
def test_the_convention_reaches_the_network(tmp_path: Path, convention: InputConvention, expected: list[float]) -> None:
    model = replace(find(str(colour_model(tmp_path / "mean.xml")), "embedder"), input=convention)
    crop = np.full((50, 20, 3), (10, 20, 40), np.uint8)
    length = np.linalg.norm(expected)
    np.testing.assert_allclose(openvino_f32(model).embed([crop])[0], np.array(expected) / length, atol=1e-6)


def test_wrong_crops_are_misuse(tmp_path: Path) -> None:
    embedder = open_embedder(find(str(colour_model(tmp_path / "mean.xml")), "embedder"))
    for wrong in (np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3), np.float32)):
        with pytest.raises(ValueError, match="expected a crop"):
            embedder.embed([wrong])  # type: ignore[list-item]


def test_crops_are_resized_one_by_one() -> None:
    pictures = crops(3)
    batch = resize_crops(pictures, InputConvention(16, 32))
    assert batch.shape == (3, 32, 16, 3)
    for row, picture in zip(batch, pictures, strict=True):
        np.testing.assert_array_equal(row, cv2.resize(picture, (16, 32), interpolation=cv2.INTER_LINEAR))


def test_what_cannot_run_is_refused(tmp_path: Path, small: Model) -> None:
    graph = find(str(colour_model(tmp_path / "mean.xml")), "embedder")
    with pytest.raises(BackendError):
        open_embedder(graph, "torch")
    with pytest.raises(BackendError):
        open_embedder(graph, "cuda")
    if not torch.cuda.is_available():
        with pytest.raises(BackendError):
            open_embedder(small, "cuda")
    with pytest.raises(WeightsError, match="is a detector"):
        open_embedder(find("person-yolo11n", "detector"))


def test_a_model_of_another_length_or_network_is_refused(tmp_path: Path, small: Model) -> None:
    graph = find(str(colour_model(tmp_path / "mean.xml")), "embedder")
    with pytest.raises(WeightsError, match="gives 3 numbers, and 256 were expected"):
        open_embedder(replace(graph, dimension=256))
    with pytest.raises(WeightsError, match="holds osnet_x0_25, not resnet50"):
        open_embedder(replace(small, architecture="resnet50"), "torch")


def test_openvino_alone_loads_no_pytorch(tmp_path: Path) -> None:
    """PyTorch costs seconds and hundreds of megabytes."""
    path = colour_model(tmp_path / "mean.xml")
    code = (
        "import sys, numpy; from core.vision.models import find; from core.vision.embed import open_embedder;"
        f"e = open_embedder(find({str(path)!r}, 'embedder'), 'openvino');"
        "print(e.embed([numpy.ones((5, 5, 3), numpy.uint8)]).shape, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(1, 3) False"


@pytest.mark.parametrize(
    ("name", "floor"), [("osnet_x0_25_msmt17.onnx", 0.46), ("person-reidentification-retail-0287", 0.66)]
)
def test_people_are_found_again_in_another_view(shared: Path, name: str, floor: float) -> None:
    """VIPeR's first 150 people, rank 1 in both directions."""
    views: dict[str, dict[str, Image]] = {"cam_a": {}, "cam_b": {}}
    with tarfile.open(shared / "data" / "training" / "viper.tar") as tar:
        for member in tar:
            parts = Path(member.name).parts
            if member.isfile() and parts[-1][:3] < "200":
                data = np.frombuffer(tar.extractfile(member).read(), np.uint8)  # type: ignore[union-attr]
                views[parts[-2]][parts[-1][:3]] = cv2.imdecode(data, cv2.IMREAD_COLOR)
    people = sorted(views["cam_a"].keys() & views["cam_b"].keys())[:150]
    assert len(people) == 150
    embedder = open_embedder(find(str(shared / "weights" / name), "embedder"))
    a, b = (embedder.embed([views[view][person] for person in people]) for view in ("cam_a", "cam_b"))
    similarity, right = a @ b.T, np.arange(len(people))
    rank1 = np.mean([similarity.argmax(0) == right, similarity.argmax(1) == right])
    assert rank1 > floor
