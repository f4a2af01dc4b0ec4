"""A recording that breaks the decoder, hangs it or eats memory is refused; the next one is decoded all the same."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.base.errors import ClipError
from core.base.progress import Progress
from core.base.settings import VideoSettings
from core.machine.artifacts import Store
from core.runs import Camera, Recipe, run_cameras
from core.vision.video import decoder, plan, probe, read
from tests.runs.fakes import BrightDetector, networks, write_scene
from tests.vision.video.making import write_clip

ROOT = Path(__file__).resolve().parents[3]

BREAK = """
import os, signal, sys, time
from core.vision.video import decoder_process, probing
probe = probing.describe_file
def break_down(path, rate):
    if "hang" in path: time.sleep(1000)
    if "crash" in path: os.kill(os.getpid(), signal.SIGSEGV)
    if "leave" in path: os._exit(3)
    if "bug" in path: raise KeyError("nothing here")
    if "memory" in path:
        kept = [bytearray(os.urandom(1) * (16 << 20)) for _ in range(1000)]
    if "babble" in path: os.write(1, b"xyz"); print("hello")
    return probe(path, rate)
probing.describe_file = break_down
decoder_process.DECODER_BYTES = 400 << 20
decoder_process.main()
"""


@pytest.fixture
def breakable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Decoders that break at files of certain names, and have little memory."""
    decoder._POOL.close()
    monkeypatch.setattr(decoder, "_COMMAND", (sys.executable, "-c", BREAK))
    monkeypatch.setattr(decoder, "DECODER_BYTES", 400 << 20)
    yield
    decoder._POOL.close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash.mp4", "broke the decoder \\(SIGSEGV\\)"),
        ("leave.mp4", "broke the decoder \\(status 3\\)"),
        ("bug.mp4", "cannot be decoded \\(KeyError\\)"),
        ("memory.mp4", "of memory to decode"),
        pytest.param("hang.mp4", "takes longer to decode", marks=pytest.mark.slow),
    ],
)
def test_what_breaks_the_decoder_is_refused_and_the_next_goes_on(
    tmp_path: Path, breakable: None, name: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = write_clip(tmp_path / "good.mp4", range(5)), write_clip(tmp_path / name, range(5))
    assert probe(good).frames == 5
    with monkeypatch.context() as patch, pytest.raises(ClipError, match=reason) as refused:
        patch.setattr(decoder, "ANSWER_SECONDS", 2.0 if name == "hang.mp4" else 60.0)
        probe(bad)
    assert refused.value.remedy
    assert probe(good).frames == 5


def test_what_a_library_prints_is_not_part_of_an_answer(tmp_path: Path, breakable: None) -> None:
    assert probe(write_clip(tmp_path / "babble.mp4", range(5))).frames == 5


def decoders() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "decoder_process" in " ".join(child.cmdline())]


def test_a_decoder_that_ends_while_pictures_are_read(tmp_path: Path) -> None:
    clip = probe(write_clip(tmp_path / "a.mp4", range(60)))
    with read(clip, plan(clip, VideoSettings(fps=0)), queue_size=2) as pictures:
        next(pictures)
        for process in decoders():
            process.kill()
        with pytest.raises(ClipError, match=r"a\.mp4 broke the decoder"):
            list(pictures)
    assert len(list(read(clip, plan(clip, VideoSettings(fps=0))))) == 60


def test_one_decoder_answers_many_questions(tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / f"{number}.mp4", range(5)) for number in range(3)]
    probe(clips[0])
    before = {process.pid for process in decoders()}
    for clip in clips:
        found = probe(clip)
        assert len(list(read(found, plan(found, VideoSettings(fps=0))))) == 5
    assert {process.pid for process in decoders()} == before and len(before) <= decoder._MAX_IDLE


def test_many_at_once_get_decoders_of_their_own(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", range(5))
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(probe(clip).frames)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [5] * 4 and len(decoders()) <= decoder._MAX_IDLE


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of other systems")
@pytest.mark.parametrize("ending", ["of itself", pytest.param("killed", marks=pytest.mark.slow)])
def test_a_decoder_ends_with_the_process_that_started_it(tmp_path: Path, ending: str) -> None:
    clip = write_clip(tmp_path / "a.mp4", range(5))
    code = (
        "import sys, time, psutil\n"
        "from core.vision.video import probe\n"
        "probe(sys.argv[1])\n"
        "print([child.pid for child in psutil.Process().children()][0], flush=True)\n"
        "time.sleep(float(sys.argv[2]))\n"
    )
    seconds = "0" if ending == "of itself" else "100"
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, str(clip), seconds], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        decoder = int(parent.stdout.readline())
        if ending == "killed":
            os.kill(parent.pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while psutil.pid_exists(decoder) and time.monotonic() < until:
        time.sleep(0.05)
    assert not psutil.pid_exists(decoder)


def test_a_decoder_imports_no_networks(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom core.vision.video import decoder_process, first_look, probing, reading\n"
        "import av, cv2\nprint(sorted({name.split('.')[0] for name in sys.modules}))"
    )
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert not any(f"'{name}'" in printed for name in ("torch", "openvino", "streamlit", "ultralytics", "pandas"))


def test_a_run_goes_on_with_the_next_camera(tmp_path: Path, breakable: None) -> None:
    names = ("first", "crash", "second")
    cameras = [Camera(name, write_scene(tmp_path / f"{name}.mp4", 20)) for name in names]
    recipe = Recipe(video=VideoSettings(fps=0))
    found = list(run_cameras(cameras, recipe, networks(BrightDetector()), Store(tmp_path / "store"), Progress()))
    assert [bool(result.fault) for result in found] == [False, True, False]
    assert len(found[2].tracks) and "broke the decoder" in found[1].fault
