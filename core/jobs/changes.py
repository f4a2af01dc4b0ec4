"""What is not the same in two orders, in words: why a run that is shown is not what a new one would show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from core.jobs.orders import Order, Source
from core.pipeline import NONE

_SETTINGS = {
    ("video", "fps"): "analysis frame rate (0: all)",
    ("video", "start_seconds"): "first second",
    ("video", "end_seconds"): "last second",
    ("detect", "size"): "detector input size (px)",
    ("track", "conf"): "confidence threshold",
    ("track", "iou"): "minimum IoU",
    ("track", "track_cos"): "similarity threshold within a track",
    ("track", "n_init"): "minimum detections per track",
    ("track", "max_age"): "maximum gap (s)",
}


def changes(old: Order, new: Order) -> list[str]:
    """A short sentence for each difference; none where both come out the same."""
    return [*_clips(old, new), *_models(old, new), *_settings(old, new)]


def _clips(old: Order, new: Order) -> Iterator[str]:
    before, after = ({source.camera: source for source in order.sources} for order in (old, new))
    names = _renamed(before, after)
    yield from (f"{camera}: renamed to {name}" for camera, name in names.items())
    before = {names.get(camera, camera): source for camera, source in before.items()}
    yield from (f"{camera}: removed" for camera in before if camera not in after)
    yield from (f"{camera}: new" for camera in after if camera not in before)
    for camera in before.keys() & after.keys():
        yield from (f"{camera}: {words}" for words in _of(before[camera], after[camera]))
    if before.keys() == after.keys() and list(before) != list(after):
        yield "the order of the cameras"


def _renamed(before: Mapping[str, Source], after: Mapping[str, Source]) -> dict[str, str]:
    """The new name of each camera whose clip is there under a name that was not there before."""
    names = {source.digest: camera for camera, source in after.items() if camera not in before}
    return {
        camera: names[source.digest]
        for camera, source in before.items()
        if camera not in after and source.digest in names
    }


def _of(old: Source, new: Source) -> Iterator[str]:
    if old.digest != new.digest:
        yield "different clip"
    if old.offset_seconds != new.offset_seconds:
        yield f"start offset {new.offset_seconds:g} s (was {old.offset_seconds:g} s)"
    if old.span != new.span:
        yield f"analysed {_seconds(new)} (was {_seconds(old)})"
    if old.regions != new.regions:
        yield "regions drawn" if not old.regions else "regions changed" if new.regions else "regions removed"


def _seconds(source: Source) -> str:
    if source.span is None:
        return "as a whole"
    start, end = source.span
    return f"from {start:g} s" + ("" if end is None else f" to {end:g} s")


def _models(old: Order, new: Order) -> Iterator[str]:
    if old.detector != new.detector:
        yield f"detector: {new.detector} (was {old.detector})"
    if old.embedder != new.embedder:
        one, other = ("none" if name == NONE else name for name in (old.embedder, new.embedder))
        yield f"re-identification model: {other} (was {one})"
    if (old.detector, old.embedder) == (new.detector, new.embedder) and old.models != new.models:
        yield "a model file has changed"


def _settings(old: Order, new: Order) -> Iterator[str]:
    before, after = asdict(old), asdict(new)
    for (group, name), words in _SETTINGS.items():
        was, now = before[group][name], after[group][name]
        if was != now:
            yield f"{words}: {_shown(now)} (was {_shown(was)})"
    known = {group: {name for where, name in _SETTINGS if where == group} for group in ("video", "detect", "track")}
    for group, names in known.items():
        if any(before[group][name] != after[group][name] for name in before[group].keys() - names):
            yield f"another setting ({group})"


def _shown(value: float | None) -> str:
    return "the end" if value is None else f"{value:g}"
