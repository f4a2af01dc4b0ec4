"""Stills by address: the picture of any moment of a clip that belongs to a case, made when it is asked for."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.errors import SightlineError
from core.types import Clip
from core.video.stills import still_at
from pages.parts.looking import clip_of
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
            clip = clip_of(path)
        except SightlineError:
            continue
        if clip.digest == digest:
            return clip
    return None


ROUTES = [guarded("/stills/{token}/{digest}/{millis}.jpg", _still)]
