"""Stills by address: the picture of any moment of a clip that belongs to a case, made when it is asked for."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.errors import SightlineError
from core.types import Clip
from core.video import probe
from core.video.stills import still_at
from pages.parts.services import services
from pages.parts.serving import TOKEN, guarded, served

_DIGEST = re.compile(r"[0-9a-f]{32}")
_MILLIS = re.compile(r"[0-9]{1,9}")


def stills_address(digest: str) -> str:
    """To be followed by milliseconds of the clip and `.jpg`."""
    return f"/stills/{TOKEN}/{digest}/"


async def _still(request: Request) -> Response:
    digest, millis = request.path_params["digest"], request.path_params["millis"]
    if not (_DIGEST.fullmatch(digest) and _MILLIS.fullmatch(millis)):
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
            stat = Path(path).stat()
        except OSError:
            continue
        clip = _probed(path, stat.st_size, stat.st_mtime_ns)
        if clip.digest == digest:
            return clip
    return None


@functools.lru_cache(maxsize=64)
def _probed(path: str, size: int, changed: int) -> Clip:
    return probe(path)


ROUTES = [guarded("/stills/{token}/{digest}/{millis}.jpg", _still)]
