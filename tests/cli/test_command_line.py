"""The command line as its user has it: a process of its own, exit statuses, one line per fault, files on disk."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from core.cli import main
from core.workspace.jobs import ALL_FAILED, read_status
from tests.runs.fakes import write_scene

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("exported")
SMALL = ["--size", "320", "--fps", "0", "--progress", "none", "--features", "none"]


def track(out: Path, *words: object) -> int:
    return main(["track", "--out", str(out), *SMALL, *map(str, words)])


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "gate.mp4", 30)


def test_what_a_run_leaves(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["track", "--out", str(out), "--size", "320", "--fps", "0", "--progress", "none", str(clip)]) == 0
    assert (out / "tracks" / "gate.txt").is_file()
    table = pq.read_table(out / "tracks.parquet")
    assert table.column_names == ["camera", "frame", "seconds", "track", "x1", "y1", "x2", "y2", "score", "seen"]
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "done"
    assert record["models"]["detector"]["name"] == "person-yolo11n-2"
    assert record["models"]["embedder"]["name"] == "person-osnet"
    camera = record["cameras"]["gate"]
    assert camera["analysed"] == 30 and set(camera["stages"]) == {"detect", "embed", "track"}
    assert "OpenVINO" in camera["stages"]["detect"]["by"]


def test_a_run_that_is_watched_says_where_it_stands(clip: Path, tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    assert track(tmp_path / "out", "--watch", watched, clip, tmp_path / "none.mp4") == 1
    status = read_status(watched, "")
    assert status.phase == "done"
    assert [(camera.name, camera.state) for camera in status.cameras] == [("gate", "done"), ("none", "failed")]
    assert status.cameras[1].fault
    assert track(tmp_path / "out", "--watch", watched, tmp_path / "none.mp4") == 2
    assert (read_status(watched, "").phase, read_status(watched, "").fault) == ("failed", ALL_FAILED)
    assert track(tmp_path / "out", "--watch", watched, "--size", "321", clip) == 2
    assert "321" in read_status(watched, "").fault


def test_a_run_is_judged_on_the_frames_that_it_looked_at(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, truth = tmp_path / "out", tmp_path / "truth"
    assert main(["track", "--out", str(out), "--size", "320", "--fps", "5", "--progress", "none", str(clip)]) == 0
    frames = pq.read_table(out / "frames.parquet")
    seen = frames.column("frame").to_pylist()
    assert set(frames.column("camera").to_pylist()) == {"gate"} and 3 < len(seen) < 30
    truth.mkdir()
    lines = [f"{frame + 1},1,10,10,20,40,1,1,1\n" for frame in range(30)]
    (truth / "gate.txt").write_text("".join(lines))
    capsys.readouterr()
    assert main(["evaluate", "tracks", "--truth", str(truth), "--result", str(out), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["gate"]
    (out / "tracks" / "gate.txt").write_text("")
    assert main(["evaluate", "tracks", "--truth", str(truth), "--result", str(out), "--json"]) == 0
    nobody = json.loads(capsys.readouterr().out)["gate"]
    assert nobody["FN"] == len(seen) and counts["FN"] <= len(seen)
    # The bare files say nothing of frames, so all of the truth counts.
    assert main(["evaluate", "tracks", "--truth", str(truth), "--result", str(out / "tracks"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gate"]["FN"] == 30


def test_some_failed_is_1_and_all_failed_is_2(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    assert track(tmp_path / "a", clip, empty) == 1
    said = capsys.readouterr()
    assert "empty: failed." in said.err and "gate:" in said.out
    assert track(tmp_path / "b", empty) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--weights", "nonsense"], "nonsense"),
        (["--features", "nonsense"], "nonsense"),
        (["--conf", "7"], "confidence threshold is 7"),
        (["--from", "5", "--to", "3"], "not after"),
        (["--device", "abacus"], "abacus"),
        (["--roi", "door=x.json"], "names no camera"),
        (["--name", "x"], "names no camera"),
        (["--size", "333"], "no multiple of 32"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_the_user_can_mend_is_one_line_and_2(
    clip: Path, tmp_path: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert track(tmp_path / "out", clip, *words) == 2
    said = capsys.readouterr().err.strip()
    assert says in said and said.startswith("sightline: ") and "\n" not in said


@pytest.mark.parametrize("words", [[], ["--every-box"]], ids=["where-it-decides", "every-box"])
def test_which_boxes_are_looked_at_is_in_the_record(clip: Path, tmp_path: Path, words: list[str]) -> None:
    assert track(tmp_path / "out", clip, *words) == 0
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["settings"]["embed"]["every"] == bool(words)


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        # Of 30 frames, ten a second.
        (["--from", "1"], range(10, 30)),
        (["--to", "2"], range(20)),
        (["--fps", "5"], range(0, 30, 2)),
    ],
    ids=["--from", "--to", "--fps"],
)
def test_flags_that_choose_frames(clip: Path, tmp_path: Path, words: list[str], chosen: range) -> None:
    assert track(tmp_path / "out", clip, *words) == 0
    camera = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["cameras"]["gate"]
    frames = pq.read_table(tmp_path / "out" / "frames.parquet").column("frame").to_pylist()
    assert frames == list(chosen) and camera["analysed"] == len(chosen) < camera["frames"] == 30


def test_probe_models_and_cache(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", str(clip)]) == 0
    assert "160 x 120" in capsys.readouterr().out
    assert main(["probe", str(clip), str(tmp_path / "none.mp4")]) == 1
    assert main(["models"]) == 0
    listed = capsys.readouterr().out
    assert "present  detector  person-yolo11n" in listed and "missing" in listed
    track(tmp_path / "out", clip)
    capsys.readouterr()
    assert main(["cache"]) == 0
    assert "stages" in capsys.readouterr().out
    assert main(["cache", "--list"]) == 0
    assert "detect" in capsys.readouterr().out


def wait_for(folder: Path, pattern: str, process: "subprocess.Popen[str]", seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not list(folder.rglob(pattern)):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_and_run_again_equals_never_killed(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kill -9` after the first chunk; the same command then does only the rest, and the result is the same."""
    shared = ROOT.parent / "shared" / "data" / "pets_s2l1" / "view1.avi"
    clip = shared if shared.is_file() else write_scene(tmp_path / "long.mp4", 600)

    def command(out: str) -> list[str]:
        words = [sys.executable, "-m", "core", "track", str(clip), "--out", str(tmp_path / out)]
        return [*words, "--to", "45", *SMALL]  # three chunks

    for cache in ("killed", "whole"):
        shutil.copytree(exported, tmp_path / cache / "exported")
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "killed"))
    process = subprocess.Popen(command("a"), cwd=ROOT, text=True)
    wait_for(tmp_path / "killed" / "stages", "00000-*.npz", process)
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    assert process.wait() != 0
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "killed").rglob("*.npz")}
    assert subprocess.run(command("a"), cwd=ROOT, check=False).returncode == 0
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "killed").rglob("*.npz")}
    assert before.items() <= after.items() and len(after) > len(before)
    kept = json.loads((tmp_path / "a" / "run.json").read_text())["cameras"]
    assert next(iter(kept.values()))["stages"]["detect"]["kept"] >= 200

    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "whole"))
    assert subprocess.run(command("b"), cwd=ROOT, check=False).returncode == 0
    one, other = (sorted((tmp_path / d / "tracks").glob("*.txt"))[0].read_bytes() for d in "ab")
    assert one == other
    assert {p.name for p in (tmp_path / "whole").rglob("*.npz")} == set(after)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.timeout(300)
def test_every_hard_file_and_clip_in_one_command(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = [p for d in ("hard", "clips") for p in sorted((shared / "data" / d).iterdir()) if p.suffix != ".txt"]
    assert (
        main(["track", "--out", str(tmp_path), "--size", "320", "--fps", "2", "--progress", "none", *map(str, clips)])
        == 1
    )
    said = capsys.readouterr()
    failed = [line.split(":")[0] for line in said.err.splitlines() if ": failed. " in line]
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["cameras"]
    assert len(record) == len(clips)
    assert sorted(n for n, c in record.items() if "failed" in c) == sorted(failed)
    unreadable = {"avi_header_only_0frames", "git_lfs_pointer_132B", "html_page_named", "mp4_no_tracks_258B"}
    assert set(failed) == unreadable | {"zero_length", "zero_length-2"}
    assert len(list((tmp_path / "tracks").glob("*.txt"))) == len(clips) - len(failed)
    assert "Traceback" not in said.err


def test_embed_writes_names_and_unit_vectors(shared: Path, tmp_path: Path) -> None:
    import cv2

    folder = tmp_path / "crops"
    (folder / "b").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("a.jpg", "b/c.png"):
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (64, 32, 3), np.uint8))
    (folder / "notes.txt").write_text("no picture")
    model = shared / "weights" / "osnet_x0_25_msmt17.onnx"
    out = tmp_path / "f.npz"
    assert main(["embed", str(folder), "--out", str(out), "--features", str(model), "--progress", "none"]) == 0
    with np.load(out, allow_pickle=False) as stored:
        assert stored["names"].tolist() == ["crops/a.jpg", "crops/b/c.png"]
        np.testing.assert_allclose(np.linalg.norm(stored["features"], axis=1), 1, rtol=1e-5)


def test_evaluate_prints_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = tmp_path / "gt.txt"
    truth.write_text("".join(f"{f},1,10,10,20,50,1,-1,-1,-1\n" for f in range(1, 11)))
    assert main(["evaluate", "tracks", "--truth", str(truth), "--result", str(truth), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gt"]["MOTA"] == 1
    assert main(["evaluate", "tracks", "--truth", str(truth), "--result", str(tmp_path / "none.txt")]) == 2
