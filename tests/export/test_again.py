"""Run, zip, run from the zip: the same people, the same bytes; and what does not fit is said."""

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from core.base.errors import ClipError, SightlineError, StoreError, WeightsError
from core.export import (
    CaseFacts,
    DecisionFact,
    Manifest,
    ManifestEntry,
    compare_exports,
    load_manifest,
    prepare_replay,
)
from core.runs import Choice, load_evidence
from tests.export.replay_making import EXPORT, WHOLE, done, faked, setup
from tests.runs.fakes import write_scene
from tests.runs.making import decide_and_write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run in out/, and copies of its clips under other names."""
    path = tmp_path_factory.mktemp("runs")
    done(setup(path), path / "out")
    for old, new in (("a", "copy of one"), ("b", "x")):
        shutil.copy(path / f"{old}.mp4", path / f"{new}.mp4")
    return path


def copies(folder: Path) -> list[Path]:
    return [folder / "copy of one.mp4", folder / "x.mp4"]


@pytest.fixture
def manifest(folder: Path) -> Manifest:
    return load_manifest(folder / "out" / "gallery.zip")


def test_a_run_from_its_zip_is_the_same_run(folder: Path, manifest: Manifest, tmp_path: Path) -> None:
    found = prepare_replay(manifest, copies(folder))
    assert found.differences == ()
    done(faked(found.setup), tmp_path, replace(found.export, when="today"))
    for name in ("people.csv", "gallery.zip"):
        assert (tmp_path / name).read_bytes() == (folder / "out" / name).read_bytes()
    assert len((tmp_path / "people.csv").read_text().splitlines()) == 6  # one of four tracks is cut


def test_an_export_of_a_case_is_repeated_with_its_facts(folder: Path, tmp_path: Path) -> None:
    """Also without the frames of a camera whose clip was missing then and is there now."""
    facts = CaseFacts(
        "5f00aa11", "Bank", "kowalska", "2026-11-30T09:00:01+01:00", decisions=(DecisionFact("2026", "x"),)
    )
    evidence, hidden = load_evidence(folder / "out"), tmp_path / "hidden.mp4"
    first = setup(folder)
    hall = (folder / "b.mp4").rename(hidden)
    options = replace(EXPORT, case=facts, to=tmp_path / "first")
    decide_and_write(evidence, folder / "out", first.prior, first.choice, options)
    hall.rename(folder / "b.mp4")
    found = prepare_replay(load_manifest(tmp_path / "first" / "gallery.zip"), copies(folder))
    assert found.export.case == facts and list(found.export.absent) == ["hall"]
    done(faked(found.setup), tmp_path / "again", replace(found.export, when="today"))
    for name in ("people.csv", "gallery.zip"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()


def test_what_was_set_comes_back(folder: Path, manifest: Manifest) -> None:
    first, back = setup(folder), prepare_replay(manifest, copies(folder)).setup
    assert [(c.name, c.file_name) for c in back.cameras] == [("hall", "b.mp4"), ("gate", "a.mp4")]
    assert [c.clip.name for c in back.cameras] == ["x.mp4", "copy of one.mp4"]
    assert asdict(back.recipe) == asdict(first.recipe)
    assert back.regions == {"gate": WHOLE} and back.offsets == {"hall": 0.0, "gate": 100.1}
    assert back.choice == first.choice and back.prior == first.prior
    handed_out = prepare_replay(manifest, copies(folder)).export
    assert not handed_out.blur and handed_out.reason == EXPORT.reason
    assert back.networks.detector_model == first.networks.detector_model


@pytest.mark.parametrize("learned", [True, False])
def test_overlaps_are_learned_again_only_where_the_run_learned_them(learned: bool, tmp_path: Path) -> None:
    """People can be matched without positions after a run that went by them, and the other way round."""
    first = setup(tmp_path)
    first = replace(first, choice=replace(first.choice, ignore_positions=learned), find_overlaps=learned)
    done(first, tmp_path / "out")
    back = prepare_replay(load_manifest(tmp_path / "out" / "gallery.zip"), [c.clip for c in first.cameras]).setup
    assert (back.find_overlaps, back.choice.ignore_positions) == (learned, learned)


def test_the_manifest_alone_is_enough(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(folder / "out" / "gallery.zip") as file:
        file.extract("manifest.json", tmp_path)
    found = prepare_replay(load_manifest(tmp_path / "manifest.json"), copies(folder))
    assert found.setup.choice == setup(folder).choice


def test_the_readme_names_the_command(folder: Path) -> None:
    with zipfile.ZipFile(folder / "out" / "gallery.zip") as file:
        words = file.read("README.txt").decode()
    assert "    python -m core run b.mp4 a.mp4 --like gallery.zip --out again\n" in words


def test_the_manifest_names_no_folder_and_no_hour(folder: Path) -> None:
    with zipfile.ZipFile(folder / "out" / "gallery.zip") as file:
        assert str(folder) not in file.read("manifest.json").decode()
        assert "began" not in file.read("manifest.json").decode()


def test_one_file_for_two_cameras_of_the_same_content(tmp_path: Path) -> None:
    first = setup(tmp_path)
    shutil.copy(tmp_path / "b.mp4", tmp_path / "a.mp4")
    done(first, tmp_path / "out")
    back = prepare_replay(load_manifest(tmp_path / "out" / "gallery.zip"), [tmp_path / "b.mp4"]).setup
    assert [(c.name, c.clip.name) for c in back.cameras] == [("hall", "b.mp4"), ("gate", "b.mp4")]


def test_clips_that_do_not_fit_are_named(folder: Path, manifest: Manifest, tmp_path: Path) -> None:
    other = write_scene(tmp_path / "other.mp4", 20)
    with pytest.raises(ClipError, match=r"missing: b\.mp4 \(camera hall, digest .{12}\)\. Give all"):
        prepare_replay(manifest, copies(folder)[:1])
    with pytest.raises(ClipError, match=r"no clips of that run: other\.mp4\. Give all"):
        prepare_replay(manifest, [*copies(folder), other])
    with pytest.raises(ClipError, match=r"missing: a\.mp4 .*; these are no clips of that run: other\.mp4"):
        prepare_replay(manifest, [copies(folder)[1], other])


def test_a_clip_that_failed_then(tmp_path: Path, folder: Path) -> None:
    """One with content is asked for again and fails again; one that was not there at all is said to be left out."""
    first = replace(setup(tmp_path), choice=Choice())
    first.cameras[0].clip.write_bytes(b"no film")
    done(first, tmp_path / "out")
    manifest = load_manifest(tmp_path / "out" / "gallery.zip")
    found = prepare_replay(manifest, [c.clip for c in first.cameras])
    done(faked(found.setup), tmp_path / "again", replace(found.export, when="today"))
    assert (tmp_path / "again" / "gallery.zip").read_bytes() == (tmp_path / "out" / "gallery.zip").read_bytes()
    del manifest.about["run"]["cameras"][0]["digest"]
    found = prepare_replay(manifest, [first.cameras[1].clip])
    assert [c.name for c in found.setup.cameras] == ["gate"]
    assert found.differences == ("b.mp4 (camera hall, digest unknown) could not be read then and is left out",)


def _other_sha(manifest: Manifest) -> None:
    manifest.about["run"]["models"]["embedder"]["sha256"] = "0" * 64


def _unknown_model(manifest: Manifest) -> None:
    manifest.about["run"]["models"]["detector"]["name"] = "mine"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_other_sha, r"person-osnet is no longer the embedder of the run.*0000.*Name the file"),
        (
            _unknown_model,
            r"detector was not found: no detector is called 'mine'\. .*--weights FILE",
        ),
    ],
)
def test_a_model_that_is_another_one(
    change: Callable[[Manifest], None], words: str, folder: Path, manifest: Manifest
) -> None:
    change(manifest)
    with pytest.raises(WeightsError, match=words):
        prepare_replay(manifest, copies(folder))


def test_a_model_may_lie_elsewhere(folder: Path, manifest: Manifest, tmp_path: Path) -> None:
    model = setup(folder).networks.detector_model
    _unknown_model(manifest)
    file = tmp_path / f"renamed{model.path.suffix}"
    shutil.copy(model.path, file)
    found = prepare_replay(manifest, copies(folder), files={"detector": str(file)})
    assert found.setup.networks.detector_model.name == "mine"
    assert found.setup.networks.detector_model.path == file


def test_other_versions_and_devices_are_said(folder: Path, manifest: Manifest) -> None:
    run = manifest.about["run"]
    run["versions"]["numpy"] = "1.0"
    run["versions"]["stage track"] = "0"
    run["models"]["embedder"]["runtime"] = "cuda"
    run["program"] = "sightline 0.0.1"
    said = "\n".join(prepare_replay(manifest, copies(folder), device="openvino").differences)
    assert "numpy: 1.0 then" in said and "stage track: 0 then" in said
    assert "person-osnet runs on: cuda, " in said and "program: sightline 0.0.1 then" in said


@pytest.mark.parametrize(
    ("ran", "device"),
    [(("openvino", "openvino"), "openvino"), (("torch", "torch"), "torch"), (("cuda", "openvino"), "auto")],
)
def test_it_computes_on_what_it_was_computed_on(
    ran: tuple[str, str], device: str, folder: Path, manifest: Manifest
) -> None:
    for kind, runtime in zip(("detector", "embedder"), ran, strict=True):
        manifest.about["run"]["models"][kind]["runtime"] = runtime
    assert prepare_replay(manifest, copies(folder)).setup.networks.backend == device


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"about": {}}', '{"about": {"run": {}, "choice": []}}'])
def test_what_is_no_manifest_of_a_run(content: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(StoreError, match=r"is no manifest|does not tell how"):
        prepare_replay(load_manifest(tmp_path / "manifest.json"), [])


def test_a_setting_that_this_program_does_not_know(folder: Path, manifest: Manifest) -> None:
    manifest.about["run"]["settings"]["track"]["gate"] = 3
    with pytest.raises(SightlineError, match=r"does not tell how.*gate"):
        prepare_replay(manifest, copies(folder))


def manifest_of(program: str, **files: str) -> Manifest:
    """The manifest of a zip whose files have these digests."""
    entries = tuple(ManifestEntry(name=name, sha256=sha256) for name, sha256 in files.items())
    return Manifest(program=program, entries=entries)


def test_what_differs_is_named() -> None:
    one, other = manifest_of("1", a="1", b="2", c="3"), manifest_of("1", a="1", b="9", d="4")
    found = compare_exports(one, other)
    assert list(found.names) == list(found.data) == ["b", "c", "d"] and not found.is_reproduced
    assert compare_exports(one, one).names == () and compare_exports(one, one).is_reproduced


def of(program: str, **files: str) -> Manifest:
    """The manifest of a zip with these files; `data` stands for a table, the others for what presents it."""
    names = {"data": "sightings.csv", "readme": "README.txt", "report": "report.html", "sheet": "contact_sheet_2.jpg"}
    return manifest_of(program, **{names[file]: sha256 for file, sha256 in files.items()})


@pytest.mark.parametrize(
    ("before", "after", "data", "presentation", "reproduced"),
    [
        # A later version words and draws it otherwise: the data decides.
        (of("1", data="a", readme="x"), of("2", data="a", readme="y"), (), ("README.txt",), True),
        (of("1", data="a", report="x"), of("2", data="a", report="y"), (), ("report.html",), True),
        (of("1", data="a"), of("2", data="a", sheet="y"), (), ("contact_sheet_2.jpg",), True),
        # The same version writes the same texts.
        (of("1", data="a", readme="x"), of("1", data="a", readme="y"), (), ("README.txt",), False),
        (of("1", data="a", readme="x"), of("2", data="b", readme="y"), ("sightings.csv",), ("README.txt",), False),
        (of("1", data="a", readme="x"), of("2", readme="x"), ("sightings.csv",), (), False),
    ],
)
def test_presentation_is_set_apart(
    before: Manifest,
    after: Manifest,
    data: tuple[str, ...],
    presentation: tuple[str, ...],
    reproduced: bool,
) -> None:
    found = compare_exports(before, after)
    assert (found.data, found.presentation, found.is_reproduced) == (data, presentation, reproduced)
