"""Nothing leaves the machine: a child process runs our libraries with every way to the network recorded."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

RECORDER = """
import socket, sys
calls = []
def recorded(name):
    def call(*a, **k):
        calls.append(f"{name} {a[-1:]}")
        raise OSError("no network in this test")
    return call
socket.socket.connect = recorded("connect")
socket.socket.connect_ex = recorded("connect_ex")
socket.socket.sendto = recorded("sendto")
socket.getaddrinfo = recorded("getaddrinfo")
socket.gethostbyname = recorded("gethostbyname")
"""
REPORT = """
import threading, time
time.sleep(0.3)
print("CALLS", calls)
"""


def child(code: str, cache: Path) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("YOLO_", "OMP_", "ULTRALYTICS_"))}
    # NNCF may lie in a folder of its own.
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    env |= {"SIGHTLINE_CACHE": str(cache), "HOME": str(cache), "PYTHONPATH": path}
    # A continuous-integration variable would silence OpenVINO's telemetry by itself and make this test prove nothing.
    for name in ("CI", "PYTEST_CURRENT_TEST", "GITHUB_ACTIONS", "TF_BUILD", "JENKINS_URL", "JENKINS_HOME"):
        env.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", RECORDER + code + REPORT],
        env=env,
        cwd=cache,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_openvino_sends_nothing(tmp_path: Path) -> None:
    out = child(
        """
from core.machine.offline import import_openvino
ov = import_openvino()
from openvino.tools.ovc import telemetry_utils
print("STUB", telemetry_utils.tm.__name__)
a = ov.opset13.parameter([1, 4], ov.Type.f32)
model = ov.Core().compile_model(ov.Model([ov.opset13.relu(a)], [a]), "CPU")
import numpy
print(model(numpy.array([[-1, 2, 3, -4]], numpy.float32))[0].sum())
""",
        tmp_path,
    )
    assert "STUB openvino.tools.ovc.telemetry_stub" in out
    assert "5.0" in out
    assert "CALLS []" in out
    assert not (tmp_path / "intel").exists()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("nncf") is None, reason="needs nncf, of requirements-train.txt")
def test_nncf_sends_nothing(tmp_path: Path) -> None:
    out = child(
        """
from core.machine.offline import import_nncf, import_openvino
ov, nncf = import_openvino(), import_nncf()
import numpy
x = ov.opset13.parameter([1, 3, 8, 8], ov.Type.f32)
kernel = ov.opset13.constant(numpy.ones((4, 3, 3, 3), numpy.float32))
steps = ov.opset13.relu(ov.opset13.convolution(x, kernel, [1, 1], [0, 0], [0, 0], [1, 1]))
pictures = [numpy.full((1, 3, 8, 8), number, numpy.float32) for number in range(3)]
made = nncf.quantize(ov.Model([steps], [x]), nncf.Dataset(pictures), subset_size=3)
from nncf.telemetry.wrapper import telemetry
print("STUB", type(telemetry).__name__)
print("QUANTIZED", any(step.get_type_name() == "FakeQuantize" for step in made.get_ops()))
""",
        tmp_path,
    )
    assert "QUANTIZED True" in out
    # Without the guard it is NNCFTelemetry.
    assert "STUB MagicMock" in out
    assert "CALLS []" in out
    assert not (tmp_path / "intel").exists()


def test_the_recorder_sees_what_the_others_must_not_show(tmp_path: Path) -> None:
    out = child(
        """
for attempt in (lambda: socket.create_connection(("127.0.0.1", 9)), lambda: socket.getaddrinfo("localhost", 9)):
    try:
        attempt()
    except OSError:
        pass
""",
        tmp_path,
    )
    assert out.count("getaddrinfo") == 2


@pytest.mark.slow
def test_ultralytics_sends_fetches_and_says_nothing(tmp_path: Path) -> None:
    out = child(
        f"""
import os, pathlib
from core.base.errors import WeightsError
from core.machine.offline import import_ultralytics
module = import_ultralytics()
import numpy, torch
print("THREADS", os.environ.get("OMP_NUM_THREADS"))
print("SYNC", module.settings["sync"], "SAFE", __import__("ultralytics.utils", fromlist=["x"]).SAFE_LOAD)
model = module.YOLO({str(ROOT / "weights" / "person-yolo11n.pt")!r})
found = model.predict(numpy.zeros((360, 640, 3), numpy.uint8), imgsz=640, verbose=False)
print("BOXES", len(found[0].boxes))
for name in ("yolov8n.pt", "something-else.pt"):
    try:
        module.YOLO(name)
    except (WeightsError, FileNotFoundError) as refused:
        print("REFUSED", name)
from ultralytics.utils.checks import check_font
print("FONT", check_font("NoSuchFont.ttf"))
print("HERE", sorted(p.name for p in pathlib.Path().iterdir() if p.suffix == ".pt"))
""",
        tmp_path,
    )
    assert "CALLS []" in out
    assert "THREADS None" in out
    assert "SYNC False SAFE True" in out
    assert "BOXES 0" in out
    assert "REFUSED yolov8n.pt" in out
    assert "REFUSED something-else.pt" in out
    assert "FONT None" in out
    assert "HERE []" in out
    assert "Creating new Ultralytics Settings" not in out
    assert (tmp_path / "ultralytics" / "Ultralytics" / "settings.json").is_file()


def _imports(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {(node.module or "").split(".")[0]} if isinstance(node, ast.ImportFrom) else set()


@pytest.mark.parametrize("package", ["ultralytics", "openvino", "nncf"])
def test_who_imports_the_loud_ones_goes_through_offline(package: str) -> None:
    loud = [
        path.relative_to(ROOT).as_posix()
        for folder in ("core", "pages")
        for path in (ROOT / folder).rglob("*.py")
        if package in (text := path.read_text("utf-8"))
        and package in {name for node in ast.walk(ast.parse(text)) for name in _imports(node)}
        and "core.machine.offline" not in text
    ]
    assert loud == []
