"""The route of the pages' modules: what it serves, for how long, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages.parts.shell.web_modules import FOLDER, WebFiles, module_address, web_files
from pages.parts.shell.web_modules import WEB_ROUTES as ROUTES
from tests.pages.making import asked


def test_a_module_is_served_for_good() -> None:
    answer = asked(ROUTES, module_address("gallery/gallery.js"))
    assert (answer.status_code, answer.content) == (200, (FOLDER / "gallery" / "gallery.js").read_bytes())
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_style_sheet_is_served() -> None:
    answer = asked(ROUTES, module_address("gallery/gallery.css"))
    assert answer.headers["content-type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize(
    "name",
    [
        "gallery.py",
        "icon.svg",
        "gallery/nothing.js",
        "%2e%2e%2fserving.py",
        "gallery%2f%2e%2e%2fserving.py",
        "..%2fserving.py",
        "gallery/..%2f..%2f..%2fapp.py",
        "%2fetc%2fpasswd",
        "gallery%5cgallery.js",
        "gallery/gallery.js%00.css",
        "gallery/",
        "",
    ],
)
def test_other_files_are_not(name: str) -> None:
    answer = asked(ROUTES, f"/web/{web_files().digest}/{name}")
    assert answer.status_code in (403, 404)


def test_an_address_from_before_an_update_is_refused() -> None:
    assert asked(ROUTES, module_address("gallery/gallery.js").replace(web_files().digest, "0" * 16)).status_code == 404


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_other_sites_are_refused(headers: dict[str, str]) -> None:
    assert asked(ROUTES, module_address("gallery/gallery.js"), headers=headers).status_code == 403


def test_without_the_cookie_it_is_refused() -> None:
    assert asked(ROUTES, module_address("gallery/gallery.js"), cookies={}).status_code == 403


def test_the_digest_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "b.js"
    seen = set()
    for content in ("1", "2"):
        file.write_text(content)
        seen.add(WebFiles.read(tmp_path).digest)
    file.rename(tmp_path / "a" / "c.js")
    seen.add(WebFiles.read(tmp_path).digest)
    assert len(seen) == 3


def test_only_modules_have_an_address() -> None:
    with pytest.raises(ValueError, match="expected a module"):
        module_address("gallery.py")
