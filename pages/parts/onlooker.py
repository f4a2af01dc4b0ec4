"""What is seen of a run at work: its latest picture with boxes, and what it takes of the machine over time."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from core.amounts import duration, in_words
from core.jobs import Job
from core.watch import Usage, usage_of
from pages.parts.previews import preview_address
from pages.parts.web_modules import screen_component

_LINE = """<figure><figcaption></figcaption>
<svg viewBox="0 0 300 56" preserveAspectRatio="none" role="img"></svg></figure>
"""
HTML = f"""<div class="live-preview">
<p>A live preview appears when the models have loaded.</p>
<img hidden alt="Latest analysed frame, with a box around each person">
<div class="usage">{_LINE * 2}</div></div>"""


def onlooker(job: Job) -> None:
    data = {"picture": preview_address(job), **_shown(usage_of(job.folder))}
    _component()(key=f"onlooker {job.key}", data=data, height="content")


def _shown(usage: Usage) -> dict[str, Any]:
    """Nothing before there are two moments to draw a line between."""
    if len(usage) < 2:
        return {"at": []}
    most = float(usage.memory.max())
    return {
        "at": (usage.seconds - usage.seconds[0]).round(1).tolist(),
        "cpu": usage.cpu.round(3).tolist(),
        "memory": (usage.memory / most).round(3).tolist(),
        "cpu_words": f"CPU: {100 * float(usage.cpu[-1]):.0f} % of this computer",
        "memory_words": f"Memory: {in_words(float(usage.memory[-1]))}, peak {in_words(most)}",
        "span_words": f"last {duration(float(usage.seconds[-1] - usage.seconds[0]))}",
    }


@functools.cache
def _component() -> Callable[..., Any]:
    return screen_component("sightline_live_preview", HTML, "run/live_preview.js", "run/live_preview.css")
