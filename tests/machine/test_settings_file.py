"""`sightline.toml`: which file wins, what other trackers' keys do, and what is refused."""

from pathlib import Path

import pytest

from core.base.errors import SettingsError
from core.base.settings import SETTINGS
from core.cli import main
from core.machine.paths import data_dir
from core.machine.settings_file import FILE, load_settings
from core.workspace.cases import Cases


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the folder where the program is started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path / "data"))
    return tmp_path / FILE


def test_without_files_the_defaults_hold(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert load_settings().chosen == {}
    assert main(["settings"]) == 0
    assert "max_age           1.5 s " in capsys.readouterr().out


def test_the_project_wins_over_the_user_and_each_says_where_it_comes_from(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = data_dir() / FILE
    mine.write_text("conf = 0.4\niou = 0.3\n")
    project.write_text('conf = 0.5\nweights = "person-yolo11n"\n')
    assert load_settings().values("track") == {"conf": 0.5, "iou": 0.3}
    assert load_settings().values("models") == {"detector": "person-yolo11n"}
    assert main(["settings"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (conf,), (iou,) = ([line for line in lines if line.startswith(f"{key} ")] for key in ("conf", "iou"))
    assert "0.5" in conf and str(project) in conf
    assert "0.3" in iou and str(mine) in iou


def test_new_cases_begin_with_them_and_old_ones_keep_theirs(project: Path) -> None:
    cases = Cases()
    before = cases.new("before")
    project.write_text("fps = 15\nsize = 960\nn_init = 5\ncos = 0.7\n")
    after = cases.new("after")
    assert (after.plan.video.fps, after.plan.detect.size, after.plan.track.n_init) == (15, 960, 5)
    assert after.threshold == 0.7
    assert cases.load(before.key) == before


def test_keys_of_other_trackers_act_or_say_why_not(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project.write_text(
        "similarity_threshold = 0.8\nmax_track_age = 30\nbatch_size = 16\nbuffer_size = 32\ntarget_fps = 20\n"
        'device = "openvino"\ntemporal_smoothing = 5\nreuse_buffers = true\n'
    )
    settings = load_settings()
    assert settings.values("match") == {"threshold": 0.8}
    assert settings.values("video") == {"fps": 20} and settings.values("track") == {"max_age": 1.5}
    assert settings.values("machine") == {"device": "openvino", "buffer": 32}
    assert main(["settings"]) == 0
    said = capsys.readouterr().err
    for key in ("batch_size", "temporal_smoothing", "reuse_buffers"):
        assert f"{key} has no effect: " in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("confidence = 0.5", "there is no setting 'confidence'"),
        ("track_cosine = 0.5", "Did you mean track_cos?"),
        ("conf = 2", "conf: the confidence threshold is 2, outside 0 to 1"),
        ('conf = "high"', "not a number"),
        ("n_init = 2.5", "not a whole number"),
        ("every_box = 1", "Give true or false"),
        ("weights = 3", "Give a name"),
        ("conf = inf", "not a number"),
        ("cos = 0.5\nsimilarity_threshold = 0.5", "set twice"),
        ("max_age = 1\nmax_track_age = 9", "set twice"),
        ("fps = 0\nmax_track_age = 9", "every frame"),
        ('max_track_age = "9"', "not a number"),
        ("from = 3", "there is no setting 'from'"),
        ("[track]\nconf = 0.5", "there is no setting 'track'"),
        ("conf 0.5", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(project: Path, text: str, said: str) -> None:
    project.write_text(text)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert said in str(refused.value) and str(project) in str(refused.value)


def test_a_named_file_is_the_only_one(project: Path, tmp_path: Path) -> None:
    project.write_text("conf = 0.5")
    (tmp_path / "other.toml").write_text("iou = 0.4")
    assert load_settings(str(tmp_path / "other.toml")).values("track") == {"iou": 0.4}
    assert load_settings("none").values("track") == {}
    with pytest.raises(SettingsError, match="there is no file"):
        load_settings(str(tmp_path / "missing.toml"))


def test_the_example_holds_every_key_and_reads_as_the_defaults(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["settings", "--example"]) == 0
    text = capsys.readouterr().out
    project.write_text(text)
    assert load_settings().chosen == {}
    project.write_text("\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line))
    chosen = load_settings().chosen
    assert set(chosen) == {each.key for each in SETTINGS if not each.of_clip}
    assert all(each.value == each.setting.default for key, each in chosen.items() if key != "cos")
