"""The route that clips are uploaded by: straight to disk, looked at, and into the case, or refused in words.

It adds the clip itself, so that an upload that ends after its page was left is not lost."""

from __future__ import annotations

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core.base.errors import SightlineError, StoreError
from core.http.guard import TOKEN, guarded
from core.vision.video import remember
from core.workspace import add_clip, services
from core.workspace.sources import StoredUpload, receive

BLOCK_BYTES = 1 << 20


def upload_address(case: str) -> str:
    """Where the browser puts a file, its name following."""
    return f"/uploads/{TOKEN}/{case}/"


async def _upload(request: Request) -> Response:
    key, name = request.path_params["case"], request.path_params["name"]
    try:
        await run_in_threadpool(services().cases.load, key)
        kept = await _kept(request, name)
        camera = await run_in_threadpool(_add, key, kept, name)
    except ClientDisconnect:
        return Response(status_code=400)
    except SightlineError as fault:
        # An answer like any other: a browser would write an error into its console.
        return JSONResponse({"message": fault.message, "remedy": fault.remedy, "again": isinstance(fault, StoreError)})
    return JSONResponse({"camera": camera, "digest": kept.digest, "size": kept.size})


async def _kept(request: Request, name: str) -> StoredUpload:
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


def _add(key: str, kept: StoredUpload, name: str) -> str:
    """The camera that the upload becomes; a file that is refused does not stay."""
    remember(kept.path, kept.digest)
    try:
        return add_clip(key, kept.path, Path(name).name)
    except SightlineError:
        # The same file may have come in twice at once, and the other one been quicker.
        if not any(clip.digest == kept.digest for case in services().cases.all() for clip in case.clips):
            kept.remove()
        raise


UPLOAD_ROUTES = [guarded("/uploads/{token}/{case}/{name}", _upload, ["PUT"])]
