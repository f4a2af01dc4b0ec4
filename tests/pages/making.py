"""Runs and clips as the pages find them, made on the spot; and a page run headless."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from streamlit.testing.v1 import AppTest

from core.base.types import Clip
from core.http import Entrance, Guard
from core.http.entrance import cookie_name
from core.machine.paths import cache_dir
from core.vision.video import probe
from core.workspace.jobs import Order, Source
from tests.vision.video.making import write_clip

ENTRANCE = Entrance(lambda: "the start secret of these tests")
BASE = "http://localhost:8501"
COOKIES = {cookie_name(8501): ENTRANCE.cookie(8501)}
PAGES = Path(__file__).resolve().parents[2] / "pages"


def page(name: str) -> AppTest:
    """The page's script, ready to run as the frame runs it: the browser's actions, what begins a rerun, the page."""
    path = PAGES / f"{name}.py"
    imports = (
        "from pages.parts.gallery.gallery import process_actions\nfrom pages.parts.shell.open_case import begin_rerun\n"
    )
    begin = f"{imports}\nprocess_actions()\nbegin_rerun()\n"
    draw = f"exec(compile({path.read_text(encoding='utf-8')!r}, {str(path)!r}, 'exec'))\n"
    return AppTest.from_string(begin + draw, default_timeout=30)


def asked(routes: Sequence[BaseRoute], address: str, method: str = "GET", **request: Any) -> httpx.Response:
    """What our routes answer to a browser on this machine that has been let in."""
    cookies = request.pop("cookies", COOKIES)

    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(Guard(Starlette(routes=routes), ENTRANCE))
        async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=cookies) as client:
            return await client.request(method, address, **request)

    return asyncio.run(answer())


def words(app: AppTest) -> str:
    """Everything that the page says."""
    kinds = (app.title, app.header, app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def clip_at(folder: Path, name: str = "gate.mp4", frames: int = 20) -> Clip:
    return probe(write_clip(folder / name, range(frames)))


def order_for(*clips: Clip) -> Order:
    return Order(tuple(Source(Path(clip.path).stem, clip.path, clip.digest) for clip in clips), "person-yolo11n-2")


def finished_run(order: Order, clips: list[Clip], tracks: int = 2, failed: dict[str, str] | None = None) -> str:
    """A run as it lies on disk when it is over: every camera has `tracks` tracks of four boxes each, one filled in."""
    folder = cache_dir() / "runs" / order.key
    out = folder / "out"
    (out / "tracks").mkdir(parents=True)
    about = {"order": asdict(order), "began": 1_700_000_000.0, "pid": 0, "born": 0.0}
    (folder / "job.json").write_text(json.dumps(about))
    cameras: dict[str, Any] = {}
    parts = []
    for source, clip in zip(order.sources, clips, strict=True):
        if reason := (failed or {}).get(source.camera):
            cameras[source.camera] = {"clip": clip.path, "failed": reason}
            continue
        cameras[source.camera] = _camera(clip, tracks)
        parts.append(_table(source.camera, clip, tracks))
        (out / "tracks" / f"{source.camera}.txt").write_text("1,1,5,5,20,40,0.9,-1,-1,-1\n" * tracks)
    pq.write_table(pa.concat_tables(parts or [_table("", clips[0], 0)]), out / "tracks.parquet")
    (out / "run.json").write_text(json.dumps(_record(cameras)))
    return order.key


def _camera(clip: Clip, tracks: int) -> dict[str, Any]:
    facts = {"clip": clip.path, "digest": clip.digest, "width": clip.width, "height": clip.height, "fps": clip.fps}
    stages = {"detect": {"seconds": 1.5, "frames": 20, "kept": 0, "by": "a detector on a runtime"}}
    counts = {"frames": clip.frames, "analysed": clip.frames, "unreadable": 0, "tracks": tracks, "boxes": 4 * tracks}
    return {**facts, **counts, "notes": ["The frame rate varies."], "stages": stages}


def _table(camera: str, clip: Clip, tracks: int) -> pa.Table:
    frame = np.repeat(np.arange(4) * 2, tracks)
    track = np.tile(np.arange(1, tracks + 1), 4)
    # Track n begins n frames late.
    frame = frame + track
    order = np.lexsort((track, frame))
    frame, track = frame[order], track[order]
    sides = {side: np.full(len(frame), value, np.float32) for side, value in zip("abcd", (5, 5, 25, 45), strict=True)}
    box = dict(zip(("x1", "y1", "x2", "y2"), sides.values(), strict=True))
    seen = np.ones(len(frame), bool)
    seen[-1:] = False
    names = pa.array([camera] * len(frame), pa.string())
    seconds = clip.times[frame]
    score = np.full(len(frame), 0.9, np.float32)
    return pa.table(
        {"camera": names, "frame": frame, "seconds": seconds, "track": track, **box, "score": score, "seen": seen}
    )


def _record(cameras: dict[str, Any]) -> dict[str, Any]:
    order = Order((Source("a", "b", "c"),), "d")
    detector = {
        "name": "person-yolo11n-2",
        "sha256": "ab" * 32,
        "licence": "AGPL",
        "trained_on": "pictures",
        "assumed": [],
    }
    settings = {"video": asdict(order.video), "detect": asdict(order.detect), "track": asdict(order.track)}
    return {
        "program": "sightline",
        "state": "done",
        "began": "2026-01-01T00:00:00+0000",
        "settings": settings,
        "models": {"detector": detector, "embedder": "none: matched on motion alone"},
        "cameras": cameras,
    }
