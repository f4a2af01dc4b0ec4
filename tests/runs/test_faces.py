"""The face cue in a run: off unless asked for, stored under its own key, in the evidence and in the record."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from core.base.errors import SettingsError
from core.base.settings import MachineSettings, VideoSettings
from core.cli import main
from core.machine.artifacts import Store
from core.runs import (
    Gallery,
    Networks,
    Recipe,
    RunPeople,
    Setup,
    collect_evidence,
    cut,
    describe_faces,
    load_all_tracks,
    load_evidence,
    name_cameras,
    rank_people,
    read_record,
    track_clips,
)
from core.runs.evidence import Evidence
from core.vision.face import find_face_models
from core.workspace.cases import CaseClip, Cases
from core.workspace.jobs import Order, Source, order_of
from tests.runs.fakes import BrightDetector, ColourEmbedder, model
from tests.vision.face_standins import write_sface, write_yunet

RED, GREEN = (0, 10, 230), (10, 230, 10)


@pytest.fixture(autouse=True)
def own_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(tmp_path))
    monkeypatch.setenv("SIGHTLINE_WEIGHTS", str(tmp_path / "weights"))
    write_yunet(tmp_path / "weights" / "face_detection_yunet_2023mar.onnx")
    write_sface(tmp_path / "weights" / "face_recognition_sface_2021dec.onnx")
    return tmp_path / "weights"


def film(path: Path) -> Path:
    """Two people walk: one with a large face, one with a small one."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "5", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 176, "yuv420p"
        for number in range(30):
            picture = np.full((176, 320, 3), 20, np.uint8)
            for left, head in ((10 + number, RED), (160 + number, GREEN)):
                picture[8:168, left : left + 72] = 200
                picture[8:72, left : left + 64] = head
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def evidence_of(clip: Path, out: Path, store: Store, faces: bool) -> Evidence:
    networks = Networks(
        model("detector"),
        model("embedder"),
        "openvino",
        make_detector=lambda *_: BrightDetector(),
        make_embedder=lambda *_: ColourEmbedder(),
        faces=find_face_models() if faces else None,
    )
    setup = Setup(name_cameras([clip]), networks, Recipe(video=VideoSettings(fps=0)))
    return collect_evidence(track_clips(setup, out, with_crops=True, store=store), {}, out)


def test_faces_are_in_the_evidence_where_they_are_large_enough(tmp_path: Path, own_weights: Path) -> None:
    clip, store = film(tmp_path / "gate.mp4"), Store(tmp_path / "store")
    plain = evidence_of(clip, tmp_path / "plain", store, faces=False)
    assert plain.face_similarity is None and describe_faces(read_record(tmp_path / "plain")) == ""
    assert not list(store.root.glob("*/faces-*"))
    found = evidence_of(clip, tmp_path / "faces", store, faces=True)
    assert len(found.tracklets) == 2 and found.faces.any(axis=1).tolist() == [True, False]
    assert np.linalg.norm(found.faces[0]) == pytest.approx(1, abs=1e-3)
    # Nothing else is computed anew, and nothing else differs.
    assert (found.tracklets.vector == plain.tracklets.vector).all()
    assert [len(list(store.root.glob(f"*/{stage}-*"))) for stage in ("detect", "embed", "crops", "faces")] == [1] * 4
    record = read_record(tmp_path / "faces")
    assert describe_faces(record).startswith("Faces are too small to mean anything in 1 of 2 tracks")
    assert record.models["face detector"].name == "face_detection_yunet_2023mar"  # type: ignore[union-attr]
    again = load_evidence(tmp_path / "faces")
    assert (again.faces == found.faces).all()
    parts = cut(again, [("gate", 1, 1.5)], load_all_tracks(tmp_path / "faces", ["gate"]))  # type: ignore[list-item]
    assert parts.faces.any(axis=1).tolist() == [True, False, True] and parts.face_similarity is not None
    # Another file makes results of its own.
    write_yunet(own_weights / "face_detection_yunet_2024.onnx", large_px=56)
    assert evidence_of(clip, tmp_path / "faces", store, faces=True).faces.any(axis=1).tolist() == [True, False]
    assert len(list(store.root.glob("*/faces-*"))) == 2


def test_faces_need_a_purpose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = film(tmp_path / "gate.mp4")
    assert main(["run", str(clip), "--faces", "--out", str(tmp_path / "out")]) == 2
    assert "only for a purpose" in capsys.readouterr().err and not (tmp_path / "out" / "run.json").exists()
    assert main(["track", str(clip), "--faces", "--out", str(tmp_path / "out")]) == 2


def test_orders_without_faces_keep_their_key(tmp_path: Path) -> None:
    source = (Source("gate", "gate.mp4", "ab" * 16),)
    plain, faces = Order(source, "a", "b"), Order(source, "a", "b", faces=True)
    # Recorded anew when things became tracks; before that, it was that of runs before faces could be compared.
    assert plain.key == "d3b5bc612c21e6606ff6" and faces.key != plain.key
    arguments = [order.arguments(tmp_path, MachineSettings()) for order in (plain, faces)]
    assert ["--faces" in each for each in arguments] == [False, True]


def test_a_case_compares_faces_only_for_a_purpose(tmp_path: Path) -> None:
    clip = film(tmp_path / "gate.mp4")
    cases = Cases()
    case = cases.change(
        cases.new("Till").key,
        lambda now: replace(
            now.with_clips([CaseClip("gate", str(clip), "ab" * 16)]), plan=replace(now.plan, faces=True)
        ),
    )
    with pytest.raises(SettingsError, match="only for a purpose"):
        order_of(case)
    assert order_of(replace(case, purpose="a theft")).faces


def test_a_photo_is_never_compared_by_face(tmp_path: Path) -> None:
    found = evidence_of(film(tmp_path / "gate.mp4"), tmp_path / "out", Store(tmp_path / "store"), faces=True)
    person = np.arange(1, len(found.tracklets) + 1)
    crops = found.crops
    without = replace(found, crops=replace(crops, face=np.zeros((len(crops), 1), np.float16)))
    rankings = [
        rank_people(found.tracklets.vector[0], RunPeople(Gallery(()), each, person, 0.5)) for each in (found, without)
    ]
    assert rankings[0].similarity.tolist() == rankings[1].similarity.tolist()
