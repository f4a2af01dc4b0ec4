"""The sample as a case: open at once, its clips the case's own, its people known to the evaluation."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import StoreError
from core.cli import main
from core.lab.evaluate import score_run
from core.lab.synthetic import sample_clips, sample_folder
from core.machine.paths import cache_dir, data_dir
from core.vision.mot import read_mot
from core.workspace import erase, intake, sample_case, serve_with, services
from core.workspace.cases import Case, CaseClip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new user: nothing in either folder, and footage only in a folder that has nothing to do with the program."""
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(tmp_path))
    serve_with(None)
    yield tmp_path
    serve_with(None)


def opened() -> Case:
    return services().cases.load(sample_case())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_opens_at_once_and_the_evaluation_finds_its_truth(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = time.process_time()
    case = opened()
    assert time.process_time() - before < 3
    assert (case.name, [clip.camera for clip in case.clips]) == ("Sample", ["cam1", "cam2", "cam3"])
    truth, out = sample_folder() / "truth", home / "out"
    # A run that makes no mistake.
    shutil.copytree(truth, out / "tracks")
    persons = ["camera,track,person\n"]
    for clip in case.clips:
        numbers = np.unique(read_mot(truth / f"{clip.camera}.txt").id)
        persons += [f"{clip.camera},{number},P{number:03d}\n" for number in numbers]
    (out / "people.csv").write_text("".join(persons))
    scores = score_run(truth, out)
    assert (scores.people, scores.people_true, scores.across.precision, scores.across.recall) == (8, 8, 1.0, 1.0)
    assert main(["evaluate", "people", "--truth", str(truth), "--result", str(out)]) == 0
    assert "all cameras" in capsys.readouterr().out


def test_its_clips_are_uploads_with_the_bytes_of_those_of_the_program() -> None:
    case = opened()
    assert main(["cache", "--trim", "0"]) == 0
    for clip, source in zip(case.clips, sample_clips(sample_folder()), strict=True):
        assert Path(clip.path) == data_dir() / "uploads" / clip.digest / source.name
        assert Path(clip.path).read_bytes() == source.read_bytes()


def test_it_is_one_case_until_it_is_another_sample() -> None:
    case = opened()
    assert opened().key == case.key
    services().cases.change(case.key, lambda old: old.with_clips(old.clips[1:]))
    assert opened().key != case.key


def test_clips_that_are_missing_are_copied_again() -> None:
    case = opened()
    shutil.rmtree(data_dir() / "uploads" / case.clips[1].digest)
    assert opened() == case and all(Path(clip.path).is_file() for clip in case.clips)


def test_a_case_of_the_sample_that_an_earlier_version_drew_goes_on() -> None:
    """They were in the cache, which may have been emptied."""
    drawn = cache_dir() / "sample" / "plaza-2"
    shutil.copytree(sample_folder(), drawn)
    case = services().cases.new("Sample")
    for path in sample_clips(drawn):
        intake.add_clip(case.key, path)
    assert opened().key == case.key
    shutil.rmtree(drawn)
    mended = opened()
    assert mended.key == case.key and all(Path(clip.path).is_file() for clip in mended.clips)


def test_it_is_deleted_like_any_case_and_the_program_keeps_its_own() -> None:
    own = contents(sample_folder())
    case = opened()
    erase(services(), case)
    assert not [path for path in (data_dir() / "uploads").rglob("*") if path.is_file()]
    assert contents(sample_folder()) == own
    assert [clip.digest for clip in opened().clips] == [clip.digest for clip in case.clips]


def test_one_that_cannot_be_copied_leaves_no_case(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[Path] = []

    def fill_disk(key: str, path: Path) -> None:
        copied.append(path)
        if len(copied) == 2:
            raise StoreError(f"{path.name} cannot be saved (the disk is full)", "Free some space.")
        services().cases.change(key, lambda old: old.with_clips((CaseClip(path.stem, str(path), "ab" * 16),)))

    monkeypatch.setattr(intake, "_add_copy", fill_disk)
    with pytest.raises(StoreError, match="the disk is full"):
        sample_case()
    assert services().cases.all() == []


def test_a_program_without_it_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "sample_folder", lambda: home / "program" / "sample")
    with pytest.raises(StoreError, match="the sample is not in"):
        sample_case()
    assert services().cases.all() == []
