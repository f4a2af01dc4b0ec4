"""OSNet against the network it was written after: the same weights give the same features."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.machine.offline import import_openvino

torch = pytest.importorskip("torch")
osnet = pytest.importorskip("core.vision.embed.torch_networks")


def _units(network: Any) -> list[tuple[Any, Any]]:
    """(convolution, batch normalisation) pairs in the order of the forward pass."""
    pairs = []
    for module in network.modules():
        if isinstance(module, osnet.Unit):
            pairs.append((module.conv, module.bn))
        elif isinstance(module, osnet.LightUnit):
            pairs.append((module.conv2, module.bn))
    return pairs


def _load_folded(network: Any, graph: Any) -> None:
    """Put the weights of an exported OSNet in. The export folded batch normalisation into the convolutions before it,
    and numbered those tensors in the order of the forward pass; all others have torchreid's names."""
    tensors = {o.get_friendly_name(): o.data for o in graph.get_ordered_ops() if o.get_type_name() == "Constant"}
    state = network.state_dict()
    for name in state.keys() & tensors.keys():
        state[name] = torch.from_numpy(np.array(tensors[name])).reshape(state[name].shape)
    network.load_state_dict(state)
    folded = sorted((name for name in tensors if name.startswith("onnx::Conv_")), key=lambda name: int(name[11:]))
    pairs = _units(network)
    assert len(folded) == 2 * len(pairs)
    with torch.no_grad():
        for (conv, bn), weight, bias in zip(pairs, folded[::2], folded[1::2], strict=True):
            conv.weight.copy_(torch.from_numpy(np.array(tensors[weight])))
            bn.weight.fill_((1 + bn.eps) ** 0.5)
            bn.bias.copy_(torch.from_numpy(np.array(tensors[bias])))


def test_features_equal_those_of_the_exported_network(shared: Path) -> None:
    ov = import_openvino()
    graph = ov.Core().read_model(shared / "weights" / "osnet_x0_25_msmt17.onnx")
    network = osnet.OSNet(osnet.CHANNELS["osnet_x0_25"]).eval()
    _load_folded(network, graph)
    x = np.random.default_rng(0).normal(size=(4, 3, 256, 128)).astype(np.float32)
    theirs = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([x])[0]
    with torch.inference_mode():
        ours = network(torch.from_numpy(x)).numpy()
    assert np.abs(theirs).max() > 0.1
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


@pytest.mark.parametrize(("name", "millions"), [("osnet_x1_0", 2.2), ("osnet_x0_5", 0.6), ("osnet_x0_25", 0.2)])
def test_size_is_that_of_the_paper(name: str, millions: float) -> None:
    """Table of the paper's widths: 2.2, 0.6 and 0.2 million parameters without the classifier."""
    network = osnet.OSNet(osnet.CHANNELS[name])
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)


def test_module_names_are_torchreids() -> None:
    keys = set(osnet.OSNet(osnet.CHANNELS["osnet_x1_0"]).state_dict())
    for key in (
        "conv1.conv.weight",
        "conv1.bn.running_var",
        "conv2.0.conv1.conv.weight",
        "conv2.0.conv2a.conv1.weight",
        "conv2.0.conv2b.1.conv2.weight",
        "conv2.0.conv2d.3.bn.bias",
        "conv2.0.gate.fc1.bias",
        "conv2.0.conv3.bn.weight",
        "conv2.0.downsample.conv.weight",
        "conv2.2.0.conv.weight",
        "conv3.2.0.bn.weight",
        "conv4.1.gate.fc2.weight",
        "conv5.bn.running_mean",
        "fc.0.weight",
        "fc.1.running_var",
    ):
        assert key in keys
    assert "conv2.1.downsample.conv.weight" not in keys
    assert not any(key.startswith(("conv4.2", "classifier")) for key in keys)
