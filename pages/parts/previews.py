"""The latest picture of a run at work, as the browser asks for it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from core.jobs import Job
from core.watch import PREVIEW
from pages.parts.films import run_folder
from pages.parts.serving import HEADERS, TOKEN, guarded


def preview_address(job: Job) -> str:
    """Changes with the picture; empty while there is none."""
    try:
        stamp = (job.folder / PREVIEW).stat().st_mtime_ns
    except FileNotFoundError:
        return ""
    return f"/preview/{TOKEN}/{job.key}.jpg?{stamp}"


async def _preview(request: Request) -> Response:
    """Read in one go: the next picture may take this one's place while it is on its way."""
    out = run_folder(request.path_params["run"])
    try:
        picture = (out.parent / PREVIEW).read_bytes() if out else b""
    except FileNotFoundError:
        picture = b""
    return Response(picture, media_type="image/jpeg", headers=HEADERS) if picture else Response(status_code=404)


ROUTES = [guarded("/preview/{token}/{run}.jpg", _preview)]
