"""The weights room: names, paths, digests, and what is assumed of a file that nobody vouches for."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import WeightsError
from core.vision.models import (
    WEIGHTS,
    InputConvention,
    architecture_of,
    entries,
    find,
    format_of,
    model_digest,
    read_state,
    statuses,
)

torch = pytest.importorskip("torch")


def graph(path: Path, shape: tuple[int, ...] = (1, 3, 64, 32), features: int = 5) -> Path:
    """A small OpenVINO embedder: the mean colour, spread over `features` numbers."""
    ov = pytest.importorskip("openvino")
    ops = ov.opset13
    picture = ops.parameter(list(shape), dtype=np.float32)
    mean = ops.reduce_mean(picture, ops.constant([2, 3]), keep_dims=False)
    out = ops.matmul(mean, ops.constant(np.ones((3, features), np.float32)), False, False)
    path.parent.mkdir(parents=True, exist_ok=True)
    ov.save_model(ov.Model([out], [picture]), path, compress_to_fp16=False)
    return path


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTLINE_WEIGHTS", str(tmp_path / "brought"))
    (tmp_path / "brought").mkdir()
    return tmp_path / "brought"


def test_our_own_detector_is_here_and_unchanged() -> None:
    model = find("person-yolo11n", "detector")
    assert model.path == WEIGHTS / "person-yolo11n.pt"
    assert (model.format, model.architecture, model.licence) == ("pt", "yolo", "AGPL-3.0-or-later")
    assert model.assumed == ()
    assert len(model.digest) == 64


def test_every_shipped_file_has_a_whole_digest_and_every_file_here_is_listed() -> None:
    states = {status.model.name: status.state for status in statuses()}
    assert states["person-yolo11n"] == "present"
    listed = {entry.file for entry in entries().values()}
    for path in WEIGHTS.iterdir():
        if format_of(path):
            assert path.name in listed
    for entry in entries().values():
        if (WEIGHTS / entry.file).exists():
            assert len(entry.sha256) == 64, entry.model.name


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("nobody", "embedder", ["no embedder is called 'nobody'", "osnet_x1_0", "ft_ResNet50"]),
        ("nobody", "detector", ["no detector is called 'nobody'", "person-yolo11n"]),
        ("nobody.onnx", "embedder", ["no model file nobody.onnx"]),
        ("some/where/x", "embedder", ["no model file", "Check the path"]),
        ("person-yolo11n", "embedder", ["is of kind 'detector', not 'embedder'", "Known: person-osnet"]),
        ("osnet_x1_0", "embedder", ["is missing", "osnet_x1_0.pth", "Present: person-osnet"]),
    ],
)
def test_what_cannot_be_found_says_what_to_do(
    name: str, kind: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGHTLINE_WEIGHTS", raising=False)
    with pytest.raises(WeightsError) as fault:
        find(name, kind)  # type: ignore[arg-type]
    for words in expected:
        assert words in str(fault.value)


def test_a_missing_file_is_asked_for_in_both_folders(brought: Path) -> None:
    with pytest.raises(WeightsError) as fault:
        find("osnet_x0_25_msmt17", "embedder")
    assert str(brought / "osnet_x0_25_msmt17.onnx") in str(fault.value)
    assert str(WEIGHTS / "osnet_x0_25_msmt17.onnx") in str(fault.value)


def test_a_changed_file_is_refused_by_name_and_named_as_changed(brought: Path) -> None:
    (brought / "resnet50-0676ba61.pth").write_bytes(b"not these weights")
    assert {s.model.name: s.state for s in statuses()}["resnet50-imagenet-v1"] == "changed"
    with pytest.raises(WeightsError, match="not the file that the manifest describes"):
        find("resnet50-imagenet-v1", "embedder")


def test_a_broken_folder_is_listed_as_changed_and_explained_when_asked_for(brought: Path) -> None:
    name = "person-reidentification-retail-0287"
    (brought / name).mkdir()
    assert {s.model.name: s.state for s in statuses()}[name] == "changed"
    with pytest.raises(WeightsError, match=r"holds 0 \.xml"):
        find(name, "embedder")


def test_a_file_without_a_known_digest_says_so(brought: Path) -> None:
    (brought / "osnet_x0_5.pth").write_bytes(b"anything")
    model = find("osnet_x0_5", "embedder")
    assert "its content was not verified" in model.assumed[0]
    assert model.digest == model_digest(brought / "osnet_x0_5.pth")


def test_a_path_with_a_known_digest_gets_the_known_convention(shared: Path) -> None:
    """The same bytes under any name are the same model."""
    folder = shared / "weights" / "person-reidentification-retail-0287"
    for path in (folder, folder / f"{folder.name}.xml"):
        model = find(str(path), "embedder")
        assert (model.name, model.input.colour, model.input.scale, model.assumed) == (folder.name, "bgr", 1, ())
        assert model.path.suffix == ".xml"


def test_a_known_model_under_another_name(shared: Path, tmp_path: Path) -> None:
    other = tmp_path / "x.onnx"
    other.write_bytes((shared / "weights" / "osnet_x0_25_msmt17.onnx").read_bytes())
    model = find(str(other), "embedder")
    assert (model.name, model.path, model.assumed) == ("osnet_x0_25_msmt17", other, ())
    with pytest.raises(WeightsError, match="kind 'embedder', not 'detector'"):
        find(str(other), "detector")


def test_the_same_name_with_other_bytes_is_assumed_aloud(tmp_path: Path) -> None:
    path = graph(tmp_path / "person-reidentification-retail-0287" / "person-reidentification-retail-0287.xml")
    model = find(str(path.parent), "embedder")
    assert model.input.colour == "bgr"
    assert "because of its file name" in model.assumed[0]


def test_an_unknown_graph_is_read_for_size_and_length(tmp_path: Path) -> None:
    model = find(str(graph(tmp_path / "mine.xml")), "embedder")
    assert (model.name, model.format, model.dimension) == ("mine", "openvino", 5)
    assert (model.input.width, model.input.height, model.input.colour) == (32, 64, "rgb")
    assert "assumed: RGB" in model.assumed[0]


def test_a_graph_that_is_no_embedder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no graph at all")
    with pytest.raises(WeightsError, match="cannot be read as an embedder"):
        find(str(tmp_path / "bad.onnx"), "embedder")


def test_an_openvino_model_needs_its_numbers(tmp_path: Path) -> None:
    path = graph(tmp_path / "mine.xml")
    path.with_suffix(".bin").unlink()
    with pytest.raises(WeightsError, match=r"mine\.bin is missing"):
        find(str(path), "embedder")


def test_folders_with_none_or_two_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds 0 \.xml"):
        find(str(tmp_path), "detector")
    graph(tmp_path / "a.xml")
    graph(tmp_path / "b.xml")
    with pytest.raises(WeightsError, match=r"holds 2 \.xml"):
        find(str(tmp_path), "detector")


def test_a_detector_of_the_user_is_taken_for_yolo(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"weights")
    model = find(str(tmp_path / "mine.pt"), "detector")
    assert (model.name, model.architecture) == ("mine", "yolo")
    assert "assumed to be a YOLO detector" in model.assumed[0]


def test_the_digest_follows_the_contents_of_every_file(tmp_path: Path) -> None:
    path = graph(tmp_path / "mine.xml")
    before = model_digest(path)
    assert model_digest(path) == before
    numbers = path.with_suffix(".bin")
    numbers.write_bytes(numbers.read_bytes() + b"x")
    changed = model_digest(path)
    assert changed != before
    os.utime(numbers, (1, 1))
    assert model_digest(path) == changed


@pytest.mark.parametrize(
    ("wrap", "suffix"),
    [
        (lambda state: state, ".pth"),
        (lambda state: {"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 3}, ".pth.tar-60"),
        (lambda state: {"model": state}, ".pt"),
    ],
)
def test_checkpoints_are_unwrapped(tmp_path: Path, wrap: Callable[[dict], dict], suffix: str) -> None:  # type: ignore[type-arg]
    state = {"conv1.conv.weight": torch.zeros(16, 3, 7, 7), "conv5.conv.weight": torch.zeros(4)}
    path = tmp_path / f"mine{suffix}"
    torch.save(wrap(state), path)
    assert format_of(path) == "pt"
    assert set(read_state(path)) == set(state)
    model = find(str(path), "embedder")
    assert (model.architecture, model.dimension) == ("osnet_x0_25", 512)
    assert "by the names of its weights" in model.assumed[0]


def test_safetensors_are_read(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    assert read_state(tmp_path / "a.safetensors")["a"].tolist() == [1, 1]


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, ("touch sprung",))


def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Trap()}, tmp_path / "zip.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Trap()))
    for name in ("zip.pth", "plain.pth"):
        with pytest.raises(WeightsError, match=r"(?s)cannot be loaded safely.*safetensors"):
            find(str(tmp_path / name), "embedder")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"layer4.2.conv3.weight": (2048, 512, 1, 1)}, "resnet50"),
        ({"layer4.2.conv3.weight": (2048, 512, 1, 1), "layer3.6.conv1.weight": (256, 1024, 1, 1)}, ""),  # ResNet101
        ({"layer4.1.conv2.weight": (512, 512, 3, 3)}, ""),  # ResNet18
        (
            {"model.layer4.2.conv3.weight": (2048, 512, 1, 1), "classifier.add_block.0.weight": (512, 2048)},
            "ft_resnet50",
        ),
        (
            {"model.layer4.2.conv3.weight": (2048, 512, 1, 1), "classifier0.add_block.0.weight": (256, 2048)},
            "",
        ),  # parts
        ({"conv1.conv.weight": (64, 3, 7, 7), "conv5.conv.weight": (512, 512, 1, 1)}, "osnet_x1_0"),
        ({"conv1.conv.weight": (17, 3, 7, 7), "conv5.conv.weight": (512, 512, 1, 1)}, ""),
        ({}, ""),
    ],
)
def test_networks_are_told_by_their_keys(keys: dict[str, tuple[int, ...]], expected: str) -> None:
    assert architecture_of({key: torch.empty(shape) for key, shape in keys.items()}) == expected


def test_an_input_convention_is_checked() -> None:
    for wrong in ({"width": 0}, {"colour": "gbr"}, {"std": (0.0, 1.0, 1.0)}, {"mean": (0.0,)}, {"resize": "nearest"}):
        with pytest.raises(ValueError):
            InputConvention(**wrong)  # type: ignore[arg-type]


def test_a_broken_manifest_is_reported(tmp_path: Path) -> None:
    for text in ("[[model", "[[model]]\nname = 'x'", "nothing = 1"):
        (tmp_path / "manifest.toml").write_text(text, encoding="utf-8")
        with pytest.raises(WeightsError, match="cannot be read as a manifest"):
            entries(tmp_path / "manifest.toml")
        os.utime(tmp_path / "manifest.toml", ns=(hash(text) % 10**9, hash(text) % 10**9))
