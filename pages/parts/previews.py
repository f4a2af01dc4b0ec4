"""The latest picture of a run at work, as the browser asks for it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from core.jobs import Job
from core.watch import PREVIEW
from pages.parts.films import run_folder
from pages.parts.serving import TOKEN, guarded, served


def preview_address(job: Job) -> str:
    """Changes with the picture; empty while there is none."""
    path = job.folder / PREVIEW
    return f"/preview/{TOKEN}/{job.key}.jpg?{path.stat().st_mtime_ns}" if path.is_file() else ""


async def _preview(request: Request) -> Response:
    out = run_folder(request.path_params["run"])
    return served(out.parent / PREVIEW if out else None, "image/jpeg")


ROUTES = [guarded("/preview/{token}/{run}.jpg", _preview)]
