"""The route for uploads: written straight to disk, probed, and added to the case, or refused with a reason.

The route adds the clip itself, so that an upload that ends after its page was closed is not lost.
"""

from __future__ import annotations

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core.base.errors import SightlineError, StoreError
from core.http.guard import TOKEN, guarded
from core.workspace import add_clip, services
from core.workspace.sources import StoredUpload, Upload, receive

BLOCK_BYTES = 1 << 20


def upload_address(case: str) -> str:
    """Where the browser puts a file; to be followed by the name of the file."""
    return f"/uploads/{TOKEN}/{case}/"


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


UPLOAD_ROUTES = [guarded("/uploads/{token}/{case}/{name}", _upload, ["PUT"])]
