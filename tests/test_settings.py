"""The table of settings: whoever adds one describes it, gives it a flag, and shows that it has an effect.

`EFFECTS` holds a function for each setting that works with two values and returns both results.
"""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.base.errors import SettingsError
from core.base.progress import Progress
from core.base.settings import (
    SETTINGS,
    DetectSettings,
    EmbedSettings,
    MachineSettings,
    MatchSettings,
    ModelSettings,
    Setting,
    TrackSettings,
    VideoSettings,
    setting,
)
from core.cli import parser
from core.cli.run import parse_choice
from core.cli.track import parse_setup
from core.machine.artifacts import Store
from core.machine.settings_file import UserSettings
from core.runs import Camera, Networks, Recipe, network_stages, run_cameras
from core.runs.network_stages import embeddable_boxes
from core.vision.detect import decode_boxes
from core.vision.detect.base import Letterbox
from core.vision.embed import open_embedder
from core.vision.models import DETECTOR, EMBEDDER, find
from core.vision.track import track
from core.vision.video import plan, probe
from core.workspace.cases import Case, Plan
from core.workspace.jobs import Order, Source, describe_changes
from tests.conftest import ROOT
from tests.runs.fakes import BrightDetector, ColourEmbedder, networks, write_scene
from tests.runs.making import decide_and_write, run
from tests.vision.face_standins import write_sface, write_yunet
from tests.vision.track.scenes import detections, features, timeline, walk

CLASSES = {
    "models": ModelSettings,
    "video": VideoSettings,
    "detect": DetectSettings,
    "embed": EmbedSettings,
    "track": TrackSettings,
    "match": MatchSettings,
    "machine": MachineSettings,
}
EFFECTS: dict[str, Callable[[Path], tuple[object, object]]] = {}


def effect(key: str) -> Callable[[Callable[[Path], tuple[object, object]]], Callable[[Path], tuple[object, object]]]:
    def add(function: Callable[[Path], tuple[object, object]]) -> Callable[[Path], tuple[object, object]]:
        EFFECTS[key] = function
        return function

    return add


def ids(each: Setting) -> str:
    return each.key


def test_every_field_is_in_the_table_once() -> None:
    expected = sorted((part, field.name) for part, kind in CLASSES.items() for field in fields(kind))
    assert sorted((each.part, each.name) for each in SETTINGS) == expected
    assert len({each.flag for each in SETTINGS}) == len(SETTINGS)


@pytest.mark.parametrize("each", SETTINGS, ids=ids)
def test_each_is_described(each: Setting) -> None:
    assert each.label and each.help.endswith(".") and each.flag.startswith("--")
    each.require(each.default)
    assert each.kind in (bool, str) or each.range[0] < each.range[1]
    if each.slider:
        assert each.effect and each.range[0] <= each.slider[0] < each.slider[1] <= each.range[1]
    assert each.format(each.default)


@pytest.mark.parametrize("each", SETTINGS, ids=ids)
def test_each_flag_is_in_the_documents_with_its_default(each: Setting) -> None:
    lines = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if line.startswith("| ") and f"`{each.flag}`" in line.split("|")[1]]
    flags, defaults = ([cell.strip() for cell in column.split(",")] for column in row.split("|")[1:3])
    default = {None: "", True: "on", False: "off"}.get(each.default) if each.kind is bool else each.default
    if default is not None and not each.of_clip:
        text = default if isinstance(default, str) else f"{default:g}"
        assert defaults[flags.index(f"`{each.flag}`") if len(flags) == len(defaults) else 0] == text


def other_value(each: Setting) -> Any:
    """A valid value that is not the default."""
    if each.kind is bool:
        return not each.default
    if each.kind is str:
        return {"weights": "person-yolo11n-wide", "features": "none", "device": "torch"}.get(each.key)
    if each.key == "size":
        return 320
    return each.kind(each.range[0] + (each.range[1] - each.range[0]) * 0.3)


@pytest.mark.parametrize("each", [each for each in SETTINGS if each.part not in ("models", "machine")], ids=ids)
@pytest.mark.parametrize("way", ["flag", "file"])
def test_flag_and_file_reach_the_run(each: Setting, way: str, tmp_path: Path) -> None:
    if way == "file" and each.of_clip:
        pytest.skip("a range of a clip is in no file")
    value = other_value(each)
    words = ["run", "--name", "gate=a.mp4", "--out", "x"]
    if way == "flag":
        negated = each.flag.replace("--", "--no-", 1)
        words += [each.flag if value is True else negated if value is False else f"{each.flag}={value}"]
    else:
        (tmp_path / "mine.toml").write_text(f"{each.key} = {json.dumps(value)}\n")
        words += ["--settings", str(tmp_path / "mine.toml")]
    options = parser().parse_args(words)
    from core.machine.settings_file import load_settings

    files = load_settings(options.settings)
    reached = parse_choice(options, ["gate"], files) if each.part == "match" else parse_setup(options).recipe
    part = reached if each.part == "match" else getattr(reached, each.part)
    assert getattr(part, each.name) == value


@pytest.mark.parametrize("each", [each for each in SETTINGS if each.part in ("video", "detect", "track")], ids=ids)
def test_what_changed_since_a_run_names_each(each: Setting) -> None:
    old = Order((Source("gate", "a.mp4", "d"),), "yolo")
    part = replace(getattr(old, each.part), **{each.name: other_value(each)})
    (said,) = describe_changes(old, replace(old, **{each.part: part}))
    assert said.startswith(each.plain_label) and "(was " in said


@pytest.mark.parametrize("each", [each for each in SETTINGS if each.kind in (int, float)], ids=ids)
@pytest.mark.parametrize("wrong", ["1", True, float("nan"), float("inf"), "low", "high"])
def test_what_is_no_such_value_is_refused(each: Setting, wrong: Any) -> None:
    wrong = {"low": each.range[0] - 1, "high": each.range[1] + 1}.get(wrong, wrong) if isinstance(wrong, str) else wrong
    with pytest.raises(SettingsError):
        each.require(wrong)


def test_a_case_has_the_ranges_of_the_table() -> None:
    with pytest.raises(SettingsError, match="similarity threshold is 2"):
        Case("k", "A case", 0.0, threshold=2)
    assert Plan().track == TrackSettings()


@pytest.mark.parametrize(
    "each",
    [pytest.param(each, marks=pytest.mark.slow) if each.key == "flip" else each for each in SETTINGS],
    ids=ids,
)
def test_each_has_an_effect(each: Setting, tmp_path: Path) -> None:
    one, other = EFFECTS[each.key](tmp_path)
    assert one != other


def tracked(settings: TrackSettings, *people: list[tuple[float, ...]]) -> list[int]:
    """The number of boxes of each track."""
    found = track(timeline(60), detections(*people), settings)
    return np.bincount(found.track)[1:].tolist()


def run_with(folder: Path, nets: Networks, recipe: Recipe) -> dict[str, Any]:
    """The facts about the stages of a run over a small clip."""
    clip = folder / "gate.mp4"
    if not clip.is_file():
        write_scene(clip, 30)
    (result,) = run_cameras([Camera("gate", clip)], recipe, nets, Store(folder / "store"), Progress(), fresh=True)
    assert not result.fault
    return result.stages


@effect("weights")
def _(folder: Path) -> tuple[object, object]:
    """A file of one's own instead of the detector that comes with Sightline."""
    shipped = find(DETECTOR, "detector")
    mine = folder / f"mine{shipped.path.suffix}"
    mine.write_bytes(shipped.path.read_bytes() + b"x")
    one, other = (Networks.from_names(name, EMBEDDER, "auto").detector_model for name in (DETECTOR, str(mine)))
    return one.digest, other.digest


@effect("features")
def _(folder: Path) -> tuple[object, object]:
    with_embedder, without = (Networks.from_names(DETECTOR, name, "auto") for name in (EMBEDDER, "none"))
    return with_embedder.embedder_model is None, without.embedder_model is None


@effect("faces")
def _(folder: Path) -> tuple[object, object]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_WEIGHTS", str(folder))
        write_yunet(folder / "face_detection_yunet.onnx")
        write_sface(folder / "face_recognition_sface.onnx")
        without, with_faces = (Networks.from_names(DETECTOR, EMBEDDER, "auto", faces=on) for on in (False, True))
    return without.faces is None, with_faces.faces is None


def planned(folder: Path, **settings: float) -> int:
    return len(plan(probe(write_scene(folder / "clip.mp4", 30)), VideoSettings(**{"fps": 0, **settings})))


@effect("fps")
def _(folder: Path) -> tuple[object, object]:
    return planned(folder, fps=0), planned(folder, fps=5)


@effect("from")
def _(folder: Path) -> tuple[object, object]:
    return planned(folder), planned(folder, start_seconds=1)


@effect("to")
def _(folder: Path) -> tuple[object, object]:
    return planned(folder), planned(folder, end_seconds=2)


@effect("size")
def _(folder: Path) -> tuple[object, object]:
    return Letterbox.around(1920, 1080, 640).inner, Letterbox.around(1920, 1080, 320).inner


def decoded(**settings: float) -> int:
    """How many boxes come of a network's output with two people, one of them with a second box, and one faint one."""
    rows = [(50, 50, 40, 80, 0.9), (53, 52, 40, 80, 0.8), (150, 50, 40, 80, 0.7), (250, 50, 40, 80, 0.06)]
    return len(decode_boxes(np.array(rows).T, 0, DetectSettings(**settings)).score)  # type: ignore[arg-type]


@effect("detection_floor")
def _(folder: Path) -> tuple[object, object]:
    return decoded(), decoded(floor=0.3)


@effect("nms_iou")
def _(folder: Path) -> tuple[object, object]:
    return decoded(), decoded(nms_iou=0.95)


@effect("max_detections")
def _(folder: Path) -> tuple[object, object]:
    return decoded(), decoded(most=1)


@effect("min_embed_conf")
def _(folder: Path) -> tuple[object, object]:
    found = detections(walk(range(5), (10, 10), (1, 0), 0.3), walk(range(5), (90, 10), (1, 0), 0.9))
    inside = np.ones(len(found), bool)
    low, high = (embeddable_boxes(found, inside, EmbedSettings(floor)).sum() for floor in (0.25, 0.5))
    return int(low), int(high)


@effect("flip")
def _(folder: Path) -> tuple[object, object]:
    crop = np.random.default_rng(0).integers(0, 255, (128, 64, 3), np.uint8)
    plain, flipped = (open_embedder(find(EMBEDDER, "embedder"), "auto", flip).embed([crop]) for flip in (False, True))
    return plain.tobytes(), flipped.tobytes()


@effect("every_box")
def _(folder: Path) -> tuple[object, object]:
    some, every = (
        run_with(folder, networks(BrightDetector(), ColourEmbedder()), Recipe(embed=EmbedSettings(every=value)))
        for value in (False, True)
    )
    return some["embed"]["crops"], every["embed"]["crops"]


@effect("iou")
def _(folder: Path) -> tuple[object, object]:
    hasty = walk(range(40), (10, 10), (4, 0)) + walk(range(40, 60), (185, 40), (4, 0))
    return tracked(TrackSettings(iou=0.05), hasty), tracked(TrackSettings(iou=0.9), hasty)


@effect("conf")
def _(folder: Path) -> tuple[object, object]:
    faint = walk(range(60), (10, 10), (1, 0), 0.6)
    return tracked(TrackSettings(conf=0.25), faint), tracked(TrackSettings(conf=0.7), faint)


@effect("track_cos")
def _(folder: Path) -> tuple[object, object]:
    """Somebody is hidden for two seconds and comes out elsewhere, looking somewhat alike."""
    found = detections(walk(range(20), (10, 10), (2, 0)), walk(range(32, 60), (120, 12), (2, 0)))
    angle = np.where(found.frame < 25, 0.0, 0.7)
    looks = features(np.stack([np.cos(angle), np.sin(angle)], 1))
    both = (
        track(timeline(60), found, TrackSettings(track_cos=cos, max_age=3), [looks], size=(400, 200))
        for cos in (0.2, 0.99)
    )
    low, high = (len(np.unique(each.track)) for each in both)
    return low, high


@effect("n_init")
def _(folder: Path) -> tuple[object, object]:
    brief = walk(range(8), (10, 10), (1, 0))
    return tracked(TrackSettings(n_init=3), brief), tracked(TrackSettings(n_init=20), brief)


@effect("max_age")
def _(folder: Path) -> tuple[object, object]:
    hidden = walk(range(15), (10, 10), (1, 0)) + walk(range(35, 60), (45, 10), (1, 0))
    return tracked(TrackSettings(max_age=3), hidden), tracked(TrackSettings(max_age=1), hidden)


@effect("cos")
def _(folder: Path) -> tuple[object, object]:
    from core.runs import Choice

    evidence = run(folder)
    low, high = (decide_and_write(evidence, folder / "out", None, Choice(cos)).gallery for cos in (-1.0, 1.0))
    return len(low.by_person()), len(high.by_person())


@effect("ignore_positions")
def _(folder: Path) -> tuple[object, object]:
    """The flag is handed to what gathers the evidence, which then has no overlaps; the recipe says so."""
    from core.runs import Choice, about_people

    evidence = run(folder)
    with_positions, without = (
        json.dumps(about_people(evidence, folder / "out", None, Choice(ignore_positions=value)), default=str)
        for value in (False, True)
    )
    return with_positions, without


@effect("device")
def _(folder: Path) -> tuple[object, object]:
    model = find(EMBEDDER, "embedder")
    words = ["track", "--name", "gate=a.mp4", "--out", "x"]
    auto, chosen = (parse_setup(parser().parse_args([*words, *more])) for more in ([], ["--device=torch"]))
    return auto.networks.key(model)["runtime"], chosen.networks.key(model)["runtime"]


@effect("buffer_size")
def _(folder: Path) -> tuple[object, object]:
    """How many pictures the reader of a run may decode ahead."""
    sizes: list[int] = []
    real = network_stages.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_stages, "read", lambda *a, queue_size, **k: sizes.append(queue_size) or real(*a, **k))
        for buffer in (2, 8):
            nets = networks(BrightDetector())
            nets.buffer = buffer
            run_with(folder, nets, Recipe())
    return sizes[0], sizes[1]


def test_the_walk_misses_nobody() -> None:
    assert sorted(EFFECTS) == sorted(each.key for each in SETTINGS)
    with pytest.raises(KeyError):
        setting("no such")
    assert UserSettings().values("track") == {}
