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
from core.vision.video import remember_digest
from core.workspace import add_clip, services
from core.workspace.sources import StoredUpload, receive

BLOCK_BYTES = 1 << 20


def upload_address(case: str) -> str:
    """Where the browser puts a file; to be followed by the name of the file."""
    return f"/uploads/{TOKEN}/{case}/"


async def _upload(request: Request) -> Response:
    key, name = request.path_params["case"], request.path_params["name"]
    try:
        await run_in_threadpool(services().cases.load, key)
        upload = await _receive(request, name)
        camera = await run_in_threadpool(_add, key, upload, name)
    except ClientDisconnect:
        return Response(status_code=400)
    except SightlineError as fault:
        # Not an error status, which the browser would write into its console.
        return JSONResponse({"message": fault.message, "remedy": fault.remedy, "again": isinstance(fault, StoreError)})
    return JSONResponse({"camera": camera, "digest": upload.digest, "size": upload.size})


async def _receive(request: Request, name: str) -> StoredUpload:
    length = request.headers.get("content-length", "")
    expected = int(length) if length.isdecimal() else None
    with receive(name, expected) as upload:
        waiting = bytearray()
        async for part in request.stream():
            waiting += part
            if len(waiting) >= BLOCK_BYTES:
                await run_in_threadpool(upload.add, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(upload.add, bytes(waiting))
        return upload.finish(expected)


def _add(key: str, upload: StoredUpload, name: str) -> str:
    """Add the upload to the case; returns the camera's name. A file that is refused is removed."""
    remember_digest(upload.path, upload.digest)
    try:
        return add_clip(key, upload.path, Path(name).name)
    except SightlineError:
        # The same file may have been uploaded twice at once, and have been added already.
        if not any(clip.digest == upload.digest for case in services().cases.all() for clip in case.clips):
            upload.remove()
        raise


UPLOAD_ROUTES = [guarded("/uploads/{token}/{case}/{name}", _upload, ["PUT"])]
