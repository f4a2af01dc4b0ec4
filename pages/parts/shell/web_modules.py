"""The pages' JavaScript: ES modules in folders by screen, served to the browser and mounted by Streamlit components.

An address holds a digest of all modules and style sheets together. They are read once, when the first one is asked
for, so a page never gets some modules from before an update and some from after it."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response

from core.http import HEADERS, guarded

FOLDER = Path(__file__).parents[1]
MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
# Changed content gets a new address, so browsers may store a file for good.
_HEADERS = {**HEADERS, "Cache-Control": "private, max-age=31536000, immutable"}
# Hidden until the module has loaded: an earlier click would be lost.
_HIDDEN = ".module:not(.mounted) { visibility: hidden; }\n"
_LOADER = """const screen = import(new URL(ADDRESS, location.origin));
screen.catch(() => {});
export default async (component) => {
  const unmount = (await screen).mount(component);
  component.parentElement.querySelector(".module").classList.add("mounted");
  return unmount;
};
"""


@dataclass(frozen=True)
class WebFiles:
    """Modules and style sheets by their path below the folder, such as `gallery/gallery.js`."""

    content: Mapping[str, bytes]
    digest: str

    @staticmethod
    def read(folder: Path) -> WebFiles:
        files = sorted(path for path in folder.rglob("*") if path.suffix in MEDIA_TYPES and path.is_file())
        content = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
        digest = hashlib.sha256()
        for name, data in content.items():
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
        return WebFiles(content, digest.hexdigest()[:16])

    def text(self, name: str) -> str:
        return self.content[name].decode()


@functools.cache
def web_files() -> WebFiles:
    return WebFiles.read(FOLDER)


def module_address(name: str) -> str:
    """Where the browser finds a module; `name` as in `gallery/gallery.js`."""
    files = web_files()
    if name not in files.content:
        raise ValueError(f"expected a module below {FOLDER.name}, found {name!r}")
    return f"/web/{files.digest}/{name}"


def screen_component(
    name: str, html: str, module: str, style: str = "", is_in_dialog: bool = False
) -> Callable[..., Any]:
    """A Streamlit component that hands its element, data and setters to `mount` of the module.

    It has a shadow tree of its own, but not in a dialog, where Tab would not lead into such a tree. There its style
    sheet holds for the whole page.
    """
    loader = _LOADER.replace("ADDRESS", json.dumps(module_address(module)))
    html = f'<div class="module">\n{html}\n</div>'
    css = _HIDDEN + (web_files().text(style) if style else "")
    return st.components.v2.component(name, html=html, css=css, js=loader, isolate_styles=not is_in_dialog)


async def _module(request: Request) -> Response:
    files, name = web_files(), request.path_params["name"]
    if request.path_params["digest"] != files.digest or name not in files.content:
        return Response(status_code=404)
    return Response(files.content[name], media_type=MEDIA_TYPES[Path(name).suffix], headers=_HEADERS)


WEB_ROUTES = [guarded("/web/{digest}/{name:path}", _module)]
