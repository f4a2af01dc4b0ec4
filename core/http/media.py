"""Files by address: films and boxes of the player, the live preview, stills, exports and back-ups; and uploads.

/films/{digest}.mp4                the proxy of a clip, in ranges, so that the player can seek
/boxes/{run}/{camera}              the boxes that are drawn over it
/detections/{run}/{camera}         the detections that no track of the run uses, which are drawn faintly
/preview/{run}.jpg                 the latest picture of a run in progress
/stills/{digest}/{millis}.jpg      the picture at any moment of a clip that belongs to a case
/exports/{key}/{name}              a file of an export, as a download with a telling name
/backups/{case}/{name}             the back-up of a case
/uploads/{case}/{name}             PUT: a recording, written straight to disk, probed and added to the case, or
                                   refused with a reason; also if the page is closed before the upload ends
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core.base.errors import SightlineError, StoreError
from core.base.text import safe_name
from core.base.types import Clip
from core.http.guard import HEADERS, guarded, has_copy, serve_file
from core.machine.paths import cache_dir, data_dir
from core.review.whatif import unused_detections
from core.runs import load_tracks, overlay, read_record
from core.workspace import add_clip, clip_of, services
from core.workspace.cases import Case
from core.workspace.jobs import PREVIEW, ExportJob, Job, run_folder
from core.workspace.media import still_at
from core.workspace.sources import StoredUpload, Upload, receive

BLOCK_BYTES = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{32}")
_MILLIS = re.compile(r"[0-9]{1,9}")
_CASE_KEY = re.compile(r"[0-9a-z]{8,40}")
_MEDIA_TYPES = {".zip": "application/zip", ".mp4": "video/mp4"}


def film_address(digest: str) -> str:
    return f"/films/{digest}.mp4"


def boxes_address(run: str, camera: str, stamp: int) -> str:
    """`stamp` changes with the results, so that a browser does not show outdated boxes."""
    return f"/boxes/{run}/{quote(camera, safe='')}?{stamp}"


def detections_address(run: str, camera: str, stamp: int) -> str:
    """`stamp` as in `boxes_address`."""
    return f"/detections/{run}/{quote(camera, safe='')}?{stamp}"


async def _film(request: Request) -> Response:
    name = request.path_params["name"]
    return serve_file(cache_dir() / "proxies" / f"{name}.mp4" if _DIGEST.fullmatch(name) else None, "video/mp4")


async def _boxes(request: Request) -> Response:
    out = run_folder(request.path_params["run"])
    if out is None:
        return Response(status_code=404)
    try:
        stat = (out / "tracks.parquet").stat()
        headers = {**HEADERS, "ETag": f'"{stat.st_mtime_ns}-{stat.st_size}"'}
        if has_copy(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        content = await run_in_threadpool(_overlay, out, request.path_params["camera"])
    except (SightlineError, KeyError, OSError):
        return Response(status_code=404)
    return Response(content, media_type="application/json", headers=headers)


def _overlay(out: Path, camera: str) -> bytes:
    about = read_record(out).cameras[camera]
    return overlay(load_tracks(out, camera), about.width, about.height)


async def _detections(request: Request) -> Response:
    out = run_folder(request.path_params["run"])
    if out is None:
        return Response(status_code=404)
    try:
        content = await run_in_threadpool(_unused, out, request.path_params["camera"])
    except StoreError as fault:
        # Not an error status, which the browser would write into its console.
        return JSONResponse({"missing": str(fault)}, headers=HEADERS)
    except (SightlineError, KeyError, OSError):
        return Response(status_code=404)
    return Response(content, media_type="application/json", headers=HEADERS)


def _unused(out: Path, camera: str) -> bytes:
    """In order of time, boxes in whole pixels of the clip."""
    seconds, unused = unused_detections(out, camera)
    box = np.rint(unused.xyxy).astype(int)
    content = {"seconds": np.round(seconds, 4).tolist(), "box": box.tolist(), "missing": ""}
    return json.dumps(content, separators=(",", ":")).encode()


FILM_ROUTES = [
    guarded("/films/{name}.mp4", _film),
    guarded("/boxes/{run}/{camera}", _boxes),
    guarded("/detections/{run}/{camera}", _detections),
]


def preview_address(job: Job) -> str:
    """The address changes with the picture; empty while there is none."""
    try:
        stamp = (job.folder / PREVIEW).stat().st_mtime_ns
    except FileNotFoundError:
        return ""
    return f"/preview/{job.key}.jpg?{stamp}"


async def _preview(request: Request) -> Response:
    """The file is read at once, because the next picture may replace it while it is being sent."""
    out = run_folder(request.path_params["run"])
    try:
        picture = (out.parent / PREVIEW).read_bytes() if out else b""
    except FileNotFoundError:
        picture = b""
    return Response(picture, media_type="image/jpeg", headers=HEADERS) if picture else Response(status_code=404)


PREVIEW_ROUTES = [guarded("/preview/{run}.jpg", _preview)]


def stills_address(digest: str) -> str:
    """To be followed by milliseconds of the clip and `.jpg`."""
    return f"/stills/{digest}/"


async def _still(request: Request) -> Response:
    digest, millis = request.path_params["digest"], request.path_params["millis"]
    if not (_DIGEST.fullmatch(digest) and _MILLIS.fullmatch(millis)):
        return Response(status_code=404)
    return serve_file(await run_in_threadpool(_still_file, digest, int(millis) / 1000), "image/jpeg")


def _still_file(digest: str, seconds: float) -> Path | None:
    try:
        clip = _clip_in_cases(digest)
        return still_at(clip, seconds) if clip else None
    except SightlineError:
        return None


def _clip_in_cases(digest: str) -> Clip | None:
    """The clip with this digest, if a case has it and its file has not changed since."""
    for path in {clip.path for case in services().cases.all() for clip in case.clips if clip.digest == digest}:
        try:
            clip = clip_of(path)
        except SightlineError:
            continue
        if clip.digest == digest:
            return clip
    return None


STILL_ROUTES = [guarded("/stills/{digest}/{millis}.jpg", _still)]


def export_address(export: ExportJob, name: str, file_name: str) -> str:
    """The download of one finished file of an export, to be saved as `file_name`."""
    return f"/exports/{export.key}/{quote(name, safe='')}?as={quote(file_name, safe='')}"


def download_name(case: Case, ending: str, moment: float | None = None) -> str:
    """A file name with the case and the day: Till_3-2026-05-31.zip. `moment`: seconds since 1970, by default now."""
    return f"{safe_name(case.name)}-{time.strftime('%Y-%m-%d', time.localtime(moment))}{ending}"


async def _export(request: Request) -> Response:
    name = request.path_params["name"]
    export = await run_in_threadpool(services().exports.get, request.path_params["key"])
    response = serve_file(
        export.file(name) if export else None, _MEDIA_TYPES.get(PurePosixPath(name).suffix, "text/plain")
    )
    if response.status_code == 200:
        file_name = quote(safe_name(request.query_params.get("as", "") or name))
        response.headers["Content-Disposition"] = f"attachment; filename*=utf-8''{file_name}"
        # It shows people: the browser must keep no copy beside the downloaded file.
        response.headers["Cache-Control"] = "no-store"
    return response


EXPORT_ROUTES = [guarded("/exports/{key}/{name}", _export, methods=("GET", "HEAD"))]


def backup_file(key: str) -> Path:
    return data_dir() / "backups" / f"{key}.zip"


async def _backup(request: Request) -> Response:
    key = request.path_params["case"]
    response = serve_file(backup_file(key) if _CASE_KEY.fullmatch(key) else None, "application/zip")
    # It shows people: the browser must keep no copy beside the downloaded file.
    response.headers["Cache-Control"] = "no-store"
    return response


BACKUP_ROUTES = [guarded("/backups/{case}/{name}", _backup)]


def upload_address(case: str) -> str:
    """Where the browser puts a file; to be followed by the name of the file."""
    return f"/uploads/{case}/"


async def _upload(request: Request) -> Response:
    key, name = request.path_params["case"], request.path_params["name"]
    length = request.headers.get("content-length", "")
    expected = int(length) if length.isdecimal() else None
    try:
        await run_in_threadpool(services().cases.load, key)
        with receive(name, expected) as upload:
            await _fill(upload, request)
            # Still within the block: the upload is not swept before the case has it.
            camera, stored = await run_in_threadpool(_finish, key, upload, expected)
    except ClientDisconnect:
        return Response(status_code=400)
    except SightlineError as fault:
        # Not an error status, which the browser would write into its console.
        return JSONResponse({"message": fault.message, "remedy": fault.remedy, "again": isinstance(fault, StoreError)})
    return JSONResponse({"camera": camera, "digest": stored.digest, "size": stored.size})


async def _fill(upload: Upload, request: Request) -> None:
    """Write the request's body to the upload, as it comes in."""
    waiting = bytearray()
    async for part in request.stream():
        waiting += part
        if len(waiting) >= BLOCK_BYTES:
            await run_in_threadpool(upload.add, bytes(waiting))
            waiting.clear()
    await run_in_threadpool(upload.add, bytes(waiting))


def _finish(key: str, upload: Upload, expected: int | None) -> tuple[str, StoredUpload]:
    stored = upload.finish(expected)
    return _add(key, stored, upload.name), stored


def _add(key: str, upload: StoredUpload, name: str) -> str:
    """Add the upload to the case; returns the camera's name. A file that is refused is removed."""
    try:
        return add_clip(key, upload.path, Path(name).name)
    except SightlineError:
        # The same file may have been uploaded twice at once, and have been added already.
        if not any(clip.digest == upload.digest for case in services().cases.all() for clip in case.clips):
            upload.remove()
        raise


UPLOAD_ROUTES = [guarded("/uploads/{case}/{name}", _upload, ["PUT"])]
