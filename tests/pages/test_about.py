"""About: version, licence, models, and the source of the running program, from an address or as its own files."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import __version__
from core.export import program_source as source
from core.vision.models import entries
from tests.pages.making import words


def opened() -> AppTest:
    return AppTest.from_file(str(source.PROGRAM_ROOT / "pages" / "about.py"), default_timeout=30).run()


def test_version_licence_and_models() -> None:
    app = opened()
    assert not app.exception and app.title[0].value == "About"
    assert f"Sightline {__version__}" in words(app) and "AGPL-3.0-or-later" in words(app)
    assert "GNU AFFERO GENERAL PUBLIC LICENSE" in app.code[0].value
    table = app.dataframe[0].value
    assert list(table["Model"]) == [entry.model.name for entry in entries().values()]
    assert all(table["Licence"])


def test_the_source_is_offered_as_a_download_and_not_made_before_somebody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(source.SOURCE_ADDRESS, raising=False)
    monkeypatch.setattr(source, "source_zip", lambda: pytest.fail("made without a click"))
    app = opened()
    assert not app.exception
    assert [button.label for button in app.get("download_button")] == ["Download the source code"]


@pytest.mark.parametrize("address", ["https://example.org/sightline", "http://forge.example/s?a=1"])
def test_a_published_address_is_linked_instead(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(source.SOURCE_ADDRESS, address)
    app = opened()
    assert [link.proto.url for link in app.get("link_button")] == [address]
    assert not app.get("download_button")


@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:///etc/hosts", " "])
def test_only_web_addresses_are_linked(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(source.SOURCE_ADDRESS, address)
    assert source.source_address() == ""


def test_every_tracked_file_is_offered() -> None:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=source.PROGRAM_ROOT, capture_output=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a checkout")
    tracked = {source.PROGRAM_ROOT / name for name in listed.decode().split("\0") if name}
    assert {path for path in tracked if path.is_file() and not path.is_symlink()} <= set(source.source_files())


def test_the_zip_holds_the_program_and_nothing_of_the_user(tmp_path: Path) -> None:
    for name in (
        "app.py",
        "LICENSE",
        "core/__init__.py",
        "core/__pycache__/a.pyc",
        "pages/parts/gallery.js",
        "weights/manifest.toml",
        "weights/bought.onnx",
        "sample/cam1.mp4",
        "sample/truth/cam1.txt",
        "sample/gate.mp4",
        "footage/gate.mp4",
        "results/run.json",
        ".env",
        "core/.cache/people.jpg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "sample" / "truth.json").write_text('{"cameras": {"cam1": {}}}')
    with zipfile.ZipFile(io.BytesIO(source.source_zip(tmp_path))) as archive:
        names = [Path(name).relative_to(f"sightline-{__version__}-source").as_posix() for name in archive.namelist()]
        assert archive.read(archive.namelist()[0]) == names[0].encode()
    program = ["LICENSE", "app.py", "core/__init__.py", "pages/parts/gallery.js", "weights/manifest.toml"]
    sample = ["sample/cam1.mp4", "sample/truth.json", "sample/truth/cam1.txt"]
    assert sorted(names) == sorted([*program, *sample])
