"""Between two detectors: the ends are the ends, the middle is the mean, nothing of this machine goes along."""

from pathlib import Path

import pytest

from core.base.errors import SettingsError, WeightsError
from core.base.settings import DetectSettings
from core.lab.training import interpolate_weights
from core.machine.offline import import_ultralytics
from core.vision.detect import open_detector
from core.vision.models import find

SHIPPED = find("person-yolo11n-2", "detector").path


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The detector that ships, every weight a quarter larger."""
    torch = pytest.importorskip("torch")
    model = import_ultralytics().YOLO(str(SHIPPED), task="detect")
    state = {k: v * 1.25 if v.is_floating_point() else v for k, v in model.model.float().state_dict().items()}
    model.model.load_state_dict(state)
    path = tmp_path_factory.mktemp("second") / "second.pt"
    torch.save({**model.ckpt, "model": model.model.half(), "ema": None}, path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("share", "factor"), [(0.4, 1.1), (1.0, 1.25)])
def test_weights_lie_between(shifted: Path, tmp_path: Path, share: float, factor: float) -> None:
    yolo = import_ultralytics().YOLO
    interpolate_weights(SHIPPED, shifted, share, tmp_path / "made.pt")
    made, first = (yolo(str(p), task="detect").model.float().state_dict() for p in (tmp_path / "made.pt", SHIPPED))
    for name, weight in first.items():
        if weight.is_floating_point():
            scale = float(weight.abs().max()) + 1e-6
            assert float((made[name] - factor * weight).abs().max()) <= 2e-3 * scale, name


@pytest.mark.slow
def test_the_result_is_a_detector_and_names_no_place(shifted: Path, tmp_path: Path) -> None:
    interpolate_weights(SHIPPED, shifted, 0.5, tmp_path / "made.pt")
    assert str(tmp_path).encode() not in (tmp_path / "made.pt").read_bytes()
    detector = open_detector(find(str(tmp_path / "made.pt"), "detector"), DetectSettings(size=64), "torch")
    assert "PyTorch" in detector.description


@pytest.mark.slow
def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="does not exist"):
        interpolate_weights(SHIPPED, tmp_path / "none.pt", 0.5, tmp_path / "out.pt")
    with pytest.raises(SettingsError, match="share"):
        interpolate_weights(SHIPPED, SHIPPED, 1.5, tmp_path / "out.pt")
    larger = tmp_path / "larger.pt"
    import_ultralytics().YOLO("yolo11s.yaml", task="detect").save(str(larger))
    with pytest.raises(SettingsError, match="different networks"):
        interpolate_weights(SHIPPED, larger, 0.5, tmp_path / "out.pt")
    assert not (tmp_path / "out.pt").exists()
