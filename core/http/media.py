"""What the player asks for: films (with Range, so that it can jump) and the boxes drawn over them.

The latest picture of a run at work, as the browser asks for it.

Stills by address: the picture of any moment of a clip that belongs to a case, made when it is asked for.

What was exported, as downloads: a route that hands over a file of gigabytes in parts, under a name that tells."""

from __future__ import annotations

import re
import time
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.base.errors import SightlineError
from core.base.text import safe_name
from core.base.types import Clip
from core.http.guard import HEADERS, TOKEN, guarded, served
from core.machine.paths import cache_dir
from core.runs import overlay, read_record, load_tracks
from core.workspace import clip_of, services
from core.workspace.cases import Case
from core.workspace.jobs import PREVIEW, Job, ExportJob, run_folder
from core.workspace.media import still_at

_DIGEST = re.compile(r"[0-9a-f]{32}")


def film_address(digest: str) -> str:
    return f"/films/{TOKEN}/{digest}.mp4"


def boxes_address(run: str, camera: str, stamp: int) -> str:
    """`stamp` changes with the results, so that a browser does not show boxes of an earlier run."""
    return f"/boxes/{TOKEN}/{run}/{quote(camera, safe='')}?{stamp}"


async def _film(request: Request) -> Response:
    name = request.path_params["name"]
    return served(cache_dir() / "proxies" / f"{name}.mp4" if _DIGEST.fullmatch(name) else None, "video/mp4")


async def _boxes(request: Request) -> Response:
    out = run_folder(request.path_params["run"])
    if out is None:
        return Response(status_code=404)
    try:
        content = await run_in_threadpool(_overlay, out, request.path_params["camera"])
    except (SightlineError, KeyError):
        return Response(status_code=404)
    return Response(content, media_type="application/json", headers=HEADERS)


def _overlay(out: Path, camera: str) -> bytes:
    about = read_record(out)["cameras"][camera]
    return overlay(load_tracks(out, camera), about["width"], about["height"])


FILM_ROUTES = [guarded("/films/{token}/{name}.mp4", _film), guarded("/boxes/{token}/{run}/{camera}", _boxes)]


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


PREVIEW_ROUTES = [guarded("/preview/{token}/{run}.jpg", _preview)]

_CLIP_DIGEST = re.compile(r"[0-9a-f]{32}")
_MILLIS = re.compile(r"[0-9]{1,9}")


def stills_address(digest: str) -> str:
    """To be followed by milliseconds of the clip and `.jpg`."""
    return f"/stills/{TOKEN}/{digest}/"


async def _still(request: Request) -> Response:
    digest, millis = request.path_params["digest"], request.path_params["millis"]
    if not (_CLIP_DIGEST.fullmatch(digest) and _MILLIS.fullmatch(millis)):
        return Response(status_code=404)
    return served(await run_in_threadpool(_made, digest, int(millis) / 1000), "image/jpeg")


def _made(digest: str, seconds: float) -> Path | None:
    try:
        clip = _clip_of(digest)
        return still_at(clip, seconds) if clip else None
    except SightlineError:
        return None


def _clip_of(digest: str) -> Clip | None:
    """The clip of this content, if a case holds it and it is still what it was."""
    for path in {clip.path for case in services().cases.all() for clip in case.clips if clip.digest == digest}:
        try:
            clip = clip_of(path)
        except SightlineError:
            continue
        if clip.digest == digest:
            return clip
    return None


STILL_ROUTES = [guarded("/stills/{token}/{digest}/{millis}.jpg", _still)]

_KINDS = {".zip": "application/zip", ".mp4": "video/mp4"}


def export_address(making: ExportJob, name: str, called: str) -> str:
    """Where a file that is done can be had, to be kept as `called`."""
    return f"/exports/{TOKEN}/{making.key}/{quote(name, safe='')}?as={quote(called, safe='')}"


def download_name(case: Case, ending: str, moment: float | None = None) -> str:
    """A name that tells which case it is of, and the day: Till_3-2026-05-31.zip."""
    return f"{safe_name(case.name)}-{time.strftime('%Y-%m-%d', time.localtime(moment))}{ending}"


async def _export(request: Request) -> Response:
    name = request.path_params["name"]
    making = await run_in_threadpool(services().exports.look, request.path_params["key"])
    answer = served(making.file(name) if making else None, _KINDS.get(PurePosixPath(name).suffix, "text/plain"))
    if answer.status_code == 200:
        called = quote(safe_name(request.query_params.get("as", "") or name))
        answer.headers["Content-Disposition"] = f"attachment; filename*=utf-8''{called}"
        # It shows people: nothing but the file that was asked for stays with the browser.
        answer.headers["Cache-Control"] = "no-store"
    return answer


EXPORT_ROUTES = [guarded("/exports/{token}/{key}/{name}", _export, methods=("GET", "HEAD"))]

_KEY = re.compile(r"[0-9a-z]{8,40}")


def backup_file(key: str) -> Path:
    return cache_dir() / "backups" / f"{key}.zip"


async def _backup(request: Request) -> Response:
    key = request.path_params["case"]
    answer = served(backup_file(key) if _KEY.fullmatch(key) else None, "application/zip")
    # It shows people: nothing but the file that was asked for stays with the browser.
    answer.headers["Cache-Control"] = "no-store"
    return answer


BACKUP_ROUTES = [guarded("/backups/{token}/{case}/{name}", _backup)]
