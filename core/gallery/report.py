"""The report: one page of HTML that needs nothing else, neither a network nor a script, to read, send or print.

Every text that comes from outside passes through `_safe`, and the page forbids itself to load or to run anything.
It is handed out in pieces, a picture at a time.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from core.gallery.facts import topics
from core.gallery.naming import clock, counted, moment, one_line, person_name
from core.gallery.sightings import Crop, Gallery, Sighting

PROMISE = "These are candidates until a person confirms them."
_WHY = (
    "The program found people who look alike. Looks can deceive: only somebody who compares the pictures can say "
    "whether two sightings show the same person."
)
_SIMILARITY = (
    "Similarity is how alike a sighting is to the rest of its person: 1 is the most; where two cameras that see the "
    "same ground saw both at one place at one time, it is higher than looks alone make it."
)
_HEADS = {
    True: "Heads are blurred wherever the program takes them to be; other people in the background may not be.",
    False: "Heads are not blurred in this export: faces may be seen.",
}
_TIMES = {
    True: "Times are those of each clip.",
    False: "Nobody knows when these pictures were taken: they are numbered in the order of their names.",
}
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = Path(__file__).with_name("report.css")
CROPS, FEW = 3, 500
"""Pictures of one sighting; above this many sightings one each, so that a browser can still open the page."""

Small = Callable[[Crop], bytes]


def report(gallery: Gallery, small: Small, blur: bool) -> Iterator[str]:
    """The page in pieces; `small` hands over a crop as a small JPEG when its turn comes."""
    yield from _head(gallery, blur)
    for person, sightings in gallery.by_person():
        yield from _titled(person, gallery)
        yield from _person(sightings, _pictures(gallery), small)
    yield from _made(gallery)
    yield "</main>\n</body>\n</html>\n"


def shown(gallery: Gallery) -> int:
    """How many crops the page shows."""
    return sum(min(len(sighting.crops), _pictures(gallery)) for sighting in gallery.sightings)


def _pictures(gallery: Gallery) -> int:
    return CROPS if len(gallery.sightings) <= FEW else 1


def _safe(text: str) -> str:
    """
    >>> _safe("<b>'&'</b>")
    '&lt;b&gt;&#x27;&amp;&#x27;&lt;/b&gt;'
    """
    return html.escape(one_line(text), quote=True)


def _head(gallery: Gallery, blur: bool) -> Iterator[str]:
    people = gallery.by_person()
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield "<title>Sightline: who was seen</title>\n"
    yield f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<header>\n<h1>Who was seen</h1>\n"
    yield f'<p class="sum">{_counts(gallery.sightings, len(people))}</p>\n'
    yield f'<p class="promise"><strong>{PROMISE}</strong>{_WHY}</p>\n</header>\n<main>\n'
    if purpose := _safe(str(gallery.about.get("purpose", ""))):
        yield f"<p><b>Purpose:</b> {purpose}</p>\n"
    yield f"<p>{_HEADS[blur]} {_TIMES[gallery.timed]} {_SIMILARITY}</p>\n"
    if gallery.notes:
        yield f'<ul class="notes">{"".join(f"<li>{_safe(note)}</li>" for note in gallery.notes)}</ul>\n'
    if not people:
        yield '<p class="empty">Nobody was found.</p>\n'
    else:
        entries = "".join(_entry(person, gallery.people.get(person, ""), group) for person, group in people)
        yield f'<nav aria-label="People"><ul class="overview">\n{entries}</ul></nav>\n'


def _counts(sightings: Sequence[Sighting], people: int | None = None) -> str:
    cameras = len({sighting.camera for sighting in sightings})
    parts = [] if people is None else [counted(people, "person", "people")]
    return ", ".join([*parts, counted(len(sightings), "sighting", "sightings"), counted(cameras, "camera", "cameras")])


def _entry(person: int, name: str, sightings: Sequence[Sighting]) -> str:
    called = f" <bdi>{_safe(name)}</bdi>" if one_line(name) else ""
    number = person_name(person)
    return f'<li><a href="#{number}">{number}</a>{called} <span>{_counts(sightings)}</span></li>\n'


def _titled(person: int, gallery: Gallery) -> Iterator[str]:
    """Who it is: the number, and what the user has typed."""
    name, remark = (_safe(said.get(person, "")) for said in (gallery.people, gallery.remarks))
    number = person_name(person)
    yield f'<section class="person" id="{number}">\n<h2>{number}{f"<bdi>{name}</bdi>" if name else ""}</h2>\n'
    yield f'<p class="remark"><bdi>{remark}</bdi></p>\n' if remark else ""


def _person(sightings: Sequence[Sighting], pictures: int, small: Small) -> Iterator[str]:
    yield f'<p class="sum">{_counts(sightings)}</p>\n<div class="cards">\n'
    for sighting in sorted(sightings, key=lambda s: s.place_in_person):
        yield from _card(sighting, sighting.crops[:pictures], small)
    yield "</div>\n</section>\n"


def _card(sighting: Sighting, crops: Sequence[Crop], small: Small) -> Iterator[str]:
    status = sighting.status
    yield f'<article class="card">\n<header><b>{_safe(sighting.camera)}</b>'
    yield f'<span class="status {status}">{status}</span></header>\n<div class="crops">'
    for crop in crops:
        yield _figure(sighting, crop, small(crop))
    yield '<p class="empty">No picture.</p>' if not crops else ""
    facts = "".join(f"<dt>{name}</dt><dd>{_safe(value)}</dd>" for name, value in _facts(sighting))
    yield f"</div>\n<dl>{facts}</dl>\n</article>\n"


def _figure(sighting: Sighting, crop: Crop, jpeg: bytes) -> str:
    when, clothes = moment(crop), _clothes(sighting)
    which = f" at {when}" if sighting.timed else f", {when}"
    alt = f"{person_name(sighting.person)} in {sighting.camera}{which}{f', {clothes}' if clothes else ''}"
    data = base64.b64encode(jpeg).decode()
    image = f'<img alt="{_safe(alt)}" src="data:image/jpeg;base64,{data}">'
    title = f"frame {crop.frame}" if sighting.timed else when
    return f'<figure title="{title}">{image}<figcaption>{when}</figcaption></figure>'


def _facts(sighting: Sighting) -> Iterator[tuple[str, str]]:
    if sighting.timed:
        lasted = sighting.end_seconds - sighting.start_seconds
        yield "Seen", f"{clock(sighting.start_seconds)} to {clock(sighting.end_seconds)} ({lasted:,.1f} s)"
    else:
        yield "Seen", counted(len(sighting.crops), "picture", "pictures")
    yield "Similarity", "alone" if math.isnan(sighting.similarity) else f"{sighting.similarity:.2f}"
    if clothes := _clothes(sighting):
        yield "Colours", clothes
    yield "Track", str(sighting.track)


def _clothes(sighting: Sighting) -> str:
    """
    >>> _clothes(Sighting("a", 1, 1, 0, 1, upper="red", lower="dark blue"))
    'red above, dark blue below'
    """
    words = ((sighting.upper, "above"), (sighting.lower, "below"))
    return ", ".join(f"{colour} {where}" for colour, where in words if colour)


def _made(gallery: Gallery) -> Iterator[str]:
    if not gallery.about:
        return
    yield '<section class="made">\n<h2>How this was made</h2>\n'
    yield '<p class="sum">Settings, models and clips; manifest.json holds the same for programs.</p>\n'
    for topic, rows in topics(gallery.about):
        cells = "".join(f'<tr><th scope="row">{_safe(name)}</th><td>{_safe(value)}</td></tr>\n' for name, value in rows)
        yield f"<h3>{_safe(topic)}</h3>\n<table><tbody>\n{cells}</tbody></table>\n"
    yield "</section>\n"
