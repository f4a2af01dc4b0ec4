"""`doctor`: what is here, what is missing, and the line that mends it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from ctypes import c_int
from pathlib import Path
from typing import Any

import pytest

from core.cli import doctor, main
from core.machine.device import CudaDevices, list_devices
from core.machine.servers import announced
from core.vision.models import WEIGHTS
from core.workspace.cases import Cases
from tests.machine.refusing_disk import READ_ONLY, refusing

Findings = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of its own, and a port that nobody uses."""
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("STREAMLIT_SERVER_PORT", str(free.getsockname()[1]))


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights that ship, in a folder where they may be broken."""
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS, folder)
    monkeypatch.setattr("core.vision.models.manifest.WEIGHTS", folder)
    return folder


def look(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Findings]:
    """The exit status and what was found, by name."""
    status = main(["doctor", "--json", *words])
    content = json.loads(capsys.readouterr().out)
    assert content["works"] == (status == 0)
    return status, {finding["name"]: finding for finding in content["findings"]}


def test_a_machine_where_the_app_works(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, found = look(capsys)
    assert status == 0 and not [each for each in found.values() if each["level"] == "fault"]
    assert found["processors"]["facts"]["usable"] >= 1
    assert {"torch", "torchvision", "openvino", "opencv-python", "ultralytics", "streamlit"} <= set(found)
    assert "H.264" in found["decoders"]["text"] and "matroska" in found["containers"]["text"]
    assert found["films"]["facts"] == {"h264": True}
    osnet = found["person-osnet"]
    assert osnet["facts"]["state"] == "present" and "research" in osnet["facts"]["licence"] and osnet["details"]
    assert found["yolo11n"]["remedy"] == "python -m core models get yolo11n"
    assert found["data"]["facts"]["free"] > 0 and found["data"]["facts"]["path"] == str(tmp_path / "data")


def test_the_text_ends_with_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert text.endswith("\nSightline can work here.\n") and "\nModels\n  ok     person-yolo11n" in text


def test_nothing_of_the_user_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Cases().new("Theft of Anna's bag", purpose="who took it")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for words in ([], ["--json"]):
        assert main(["doctor", *words]) == 0
        text = capsys.readouterr().out
        assert "Anna" not in text and "took it" not in text
        assert str(tmp_path) not in text and "~/data" in text.replace("\\", "/")


def test_a_folder_that_cannot_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["doctor"]) == 0
    capsys.readouterr()
    with refusing(tmp_path / "data", READ_ONLY):
        status, found = look(capsys)
    assert status == 1 and found["data"]["level"] == "fault" and found["cache"]["level"] == "ok"
    assert "cannot be written (Read-only file system)" in found["data"]["text"]
    assert "SIGHTLINE_DATA" in found["data"]["remedy"]


def test_a_file_in_the_place_of_a_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "file" / "cache"))
    status, found = look(capsys)
    assert status == 1 and "a file is in its place" in found["cache"]["text"]
    assert "SIGHTLINE_CACHE" in found["cache"]["remedy"] and found["person-osnet"]["level"] == "ok"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_a_folder_that_others_may_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    (tmp_path / "data").chmod(0o755)
    status, found = look(capsys)
    assert status == 0 and found["data"]["level"] == "note" and "open to everybody" in found["data"]["text"]
    assert found["data"]["remedy"] == f"chmod 700 {tmp_path / 'data'}"


def test_a_disk_that_is_nearly_full(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 10**8})
    monkeypatch.setattr("core.machine.paths.shutil.disk_usage", lambda place: usage)
    status, found = look(capsys)
    assert status == 1 and found["cache"]["level"] == "fault" and "cache --trim" in found["cache"]["remedy"]


def test_a_model_that_runs_use_is_broken_or_missing(capsys: pytest.CaptureFixture[str], weights: Path) -> None:
    (weights / "person-yolo11n-2.pt").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    (weights / "person-osnet.safetensors").unlink()
    status, found = look(capsys)
    assert status == 1
    assert "is not the file that the manifest describes" in found["person-yolo11n-2"]["text"]
    assert found["person-yolo11n-2"]["remedy"].startswith("Restore it")
    assert "is missing" in found["person-osnet"]["text"] and found["person-osnet"]["remedy"]


def test_a_model_that_nobody_needs_is_broken(capsys: pytest.CaptureFixture[str], weights: Path) -> None:
    (weights / "person-resnet50.safetensors").write_bytes(b"torn")
    status, found = look(capsys)
    assert status == 0 and found["person-resnet50"]["level"] == "note"


def test_the_models_of_the_users_settings_count(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "sightline.toml").write_text('weights = "yolo11n"\n')
    status, found = look(capsys)
    assert status == 1 and found["yolo11n"]["level"] == "fault" and "models get yolo11n" in found["yolo11n"]["remedy"]
    (tmp_path / "sightline.toml").write_text("weights = \n")
    status, found = look(capsys)
    assert status == 1 and "cannot be read" in found["settings"]["text"]


def test_a_port_that_somebody_else_has(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as theirs:
        theirs.bind(("127.0.0.1", 0))
        theirs.listen()
        number = theirs.getsockname()[1]
        status, found = look(capsys, "--port", str(number))
        assert status == 0 and found[str(number)]["level"] == "note"
        assert f"--server.port {number + 1}" in found[str(number)]["remedy"]
        with announced("localhost", number):
            assert look(capsys, "--port", str(number))[1][str(number)]["facts"] == {"state": "ours"}
    assert look(capsys, "--port", str(number))[1][str(number)]["facts"] == {"state": "free"}


def test_ffmpeg_without_an_encoder_or_a_decoder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.vision.video.films._FILM_ENCODER", "libx264x")
    status, found = look(capsys)
    assert status == 0 and found["films"]["level"] == "note" and "pip install" in found["films"]["remedy"]
    monkeypatch.setitem(sys.modules["core.vision.video.films"].__dict__["_RECORDED_IN"], "H.264", "h264x")
    status, found = look(capsys)
    assert status == 1 and found["decoders"]["facts"]["missing"] == ["H.264"]


def test_a_package_that_is_not_installed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor._PACKAGES, "sightline-nowhere", "the app")
    status, found = look(capsys)
    assert status == 1 and "requirements.txt" in found["sightline-nowhere"]["remedy"]


@pytest.mark.parametrize("command", ["doctor", "probe"])
def test_a_package_without_which_nothing_works(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A Python that Sightline was not set up with: no traceback, but the line that mends it."""
    monkeypatch.setitem(sys.modules, "psutil" if command == "doctor" else "cv2", None)
    assert main([command, *(["gate.mp4"] if command == "probe" else [])]) == 2
    text = capsys.readouterr().err
    assert "pip install --require-hashes -r requirements.txt" in text and "Traceback" not in text


def test_a_gpu_that_pytorch_cannot_use(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "cuda_devices", lambda: CudaDevices(("Quadro",)))
    monkeypatch.setattr(doctor, "has_cuda", lambda: True)
    assert look(capsys)[1]["GPU"]["text"] == "CUDA: Quadro"
    monkeypatch.setattr(doctor, "pytorch_has_cuda", lambda: False)
    status, found = look(capsys)
    assert status == 1 and "not built" in found["GPU"]["text"] and 'device = "openvino"' in found["GPU"]["remedy"]
    Path("sightline.toml").write_text('device = "openvino"\n')
    assert look(capsys)[0] == 0


class Driver:
    """NVIDIA's driver library, with one device or an error."""

    def __init__(self, error: int = 0, devices: int = 1) -> None:
        self.error, self.devices = error, devices

    def cuInit(self, flags: int) -> int:
        return self.error

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = self.devices
        return 0

    def cuDeviceGet(self, device: Any, number: int) -> int:
        device._obj.value = number
        return 0

    def cuDeviceGetName(self, name: Any, size: int, device: c_int) -> int:
        name.value = f"GPU {device.value}".encode()
        return 0


def test_what_the_driver_says() -> None:
    assert list_devices(Driver(devices=2)) == CudaDevices(("GPU 0", "GPU 1"))
    assert "error 100" in list_devices(Driver(error=100)).reason
    assert "no device" in list_devices(Driver(devices=0)).reason


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not count the time of children")
def test_it_is_quick_and_connects_to_the_port_only(tmp_path: Path) -> None:
    """Under three seconds of one processor, start of Python included."""
    import resource

    code = (
        "import sys\n"
        "def watch(event, arguments):\n"
        "    if event == 'socket.connect': sys.stderr.write(f'{arguments[1]}\\n')\n"
        "    if event in ('socket.getaddrinfo',) and arguments[0] != '127.0.0.1': sys.stderr.write('asked\\n')\n"
        "sys.addaudithook(watch)\n"
        "from core.cli import main\n"
        "sys.exit(main(['doctor', '--port', '9']))\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0 and done.stderr == "('127.0.0.1', 9)\n"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3
