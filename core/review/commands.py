"""What somebody can say of the people on the desk. Each is tried before it is said: what cannot be is refused in
words, and nothing is changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import product

from core.base.errors import SettingsError
from core.base.text import one_line, person_name
from core.review.history import Action, Named, Review, TrackKey, link_of
from core.review.session import Desk
from core.runs import CUT, DIFFERENT, SAME, Link

LONGEST_NAME, LONGEST_NOTE = 100, 2000


def confirm(desk: Desk, person: int) -> Review:
    """All tracks of a person are that person, at any threshold."""
    first, *rest = desk.tracks(person)
    if not rest:
        raise SettingsError(f"{person_name(person)} has only one track", "There is nothing to confirm.")
    links = [link_of(first, other, SAME) for other in rest]
    return _said(desk, Action("confirm", f"confirmed {person_name(person)}", _now(), tuple(links)))


def reject(desk: Desk, camera: str, track: int) -> Review:
    """A track is nobody of those that it is with now."""
    row = desk.row(camera, track)
    person = int(desk.people.person[row])
    rest = [other for other in desk.tracks(person) if other != (camera, track)]
    if not rest:
        raise SettingsError(f"{_named(camera, track)} is already alone", "There is nobody to remove it from.")
    words = f"removed {_named(camera, track)} from {person_name(person)}"
    gone = [(camera, track)]
    return _said(desk, Action("reject", words, _now(), _apart(gone, rest), names=_staying(desk, gone, rest)))


def merge(desk: Desk, persons: Sequence[int]) -> Review:
    """People who are one. Their first tracks are joined, and of the others those that would be left behind."""
    people = sorted(set(persons))
    if len(people) < 2:
        raise SettingsError("there is one person only", "Choose two or more to join.")
    everybody = [desk.tracks(person) for person in people]
    words = f"joined {_listed([person_name(person) for person in people])}"
    first, with_it = everybody[0][0], [tracks[0] for tracks in everybody[1:]]
    while True:
        links = tuple(link_of(first, other, SAME) for other in with_it)
        review = _said(desk, Action("merge", words, _now(), links))
        after = desk.tried(review)
        together = set(after.tracks(int(after.people.person[after.row(*first)])))
        left = [sight for tracks in everybody for sight in tracks if sight not in together]
        if not left:
            return review
        with_it += left


def split(desk: Desk, tracks: Sequence[TrackKey]) -> Review:
    """Tracks that are somebody else than the rest of their person; they stay together as far as their looks say so."""
    chosen = list(dict.fromkeys(tracks))
    persons = {int(desk.people.person[desk.row(*sight)]) for sight in chosen}
    if len(persons) != 1:
        raise SettingsError("the tracks are not of one person", "Choose some of the tracks of one person.")
    person = persons.pop()
    rest = [sight for sight in desk.tracks(person) if sight not in chosen]
    if not rest:
        raise SettingsError(f"these are all tracks of {person_name(person)}", "Leave at least one of them out.")
    words = f"split {_listed([_named(*sight) for sight in chosen])} off {person_name(person)}"
    return _said(desk, Action("split", words, _now(), _apart(chosen, rest), names=_staying(desk, chosen, rest)))


def cut(desk: Desk, camera: str, track: int, seconds: float) -> Review:
    """A track that shows two people: what is seen from that second of the clip on is another track.

    What was said of it before holds for what lies before the cut.
    """
    row, moment = desk.row(camera, track), round(seconds, 3)
    start, end = desk.evidence.clip_seconds(row)
    if desk.evidence.has_times and not start < moment <= end + 1e-3:
        raise SettingsError(
            f"{_named(camera, track)} is not in the picture before and after {_at(moment)}",
            f"Cut after {_at(start)} and up to {_at(end)}.",
        )
    whole = next((one.track for one in desk.evidence.cuts if (one.camera, one.new_track) == (camera, track)), track)
    link: Link = {"camera": camera, "track": str(whole), "decision": CUT, "seconds": f"{moment:.3f}"}
    words = f"cut {_named(camera, track)} at {_at(moment)}"
    moved = _moved(desk, camera, whole, moment)
    return _said(desk, Action("cut", words, _now(), (link,), moved=moved))


def name(desk: Desk, person: int, text: str) -> Review:
    """The name that a person is shown with; empty takes it away."""
    called = one_line(text)[:LONGEST_NAME].strip()
    if called == desk.named[0].get(person, ""):
        desk.tracks(person)
        return desk.review
    words = f"named {person_name(person)} {called}" if called else f"removed the name of {person_name(person)}"
    return _said(desk, Action("name", words, _now(), names=_renamed(desk, person, called, None)))


def note(desk: Desk, person: int, text: str) -> Review:
    """A note on a person; empty takes it away."""
    noted = one_line(text)[:LONGEST_NOTE].strip()
    if noted == desk.named[1].get(person, ""):
        desk.tracks(person)
        return desk.review
    words = f"wrote a note on {person_name(person)}" if noted else f"removed the note on {person_name(person)}"
    return _said(desk, Action("note", words, _now(), names=_renamed(desk, person, None, noted)))


def same(desk: Desk, one: TrackKey, other: TrackKey) -> Review:
    """Two tracks are of one person."""
    words = f"{_both(desk, one, other)} are one person"
    return _said(desk, Action("same", words, _now(), (link_of(one, other, SAME),)))


def different(desk: Desk, one: TrackKey, other: TrackKey) -> Review:
    """Two tracks are of two people."""
    words = f"{_both(desk, one, other)} are two people"
    return _said(desk, Action("different", words, _now(), (link_of(one, other, DIFFERENT),)))


def unsure(desk: Desk, one: TrackKey, other: TrackKey) -> Review:
    """Nobody can tell: the pair comes last in the queue from now on."""
    words = f"not sure whether {_both(desk, one, other)} are one person"
    return _said(desk, Action("unsure", words, _now(), unsure=((one, other),)))


def _said(desk: Desk, action: Action) -> Review:
    """With the action, if it can be obeyed; the same review where it says nothing new."""
    review = desk.review.act(action)
    if review.said == desk.review.said:
        return desk.review
    desk.tried(review)
    return review


def _apart(some: Sequence[TrackKey], rest: Sequence[TrackKey]) -> tuple[Link, ...]:
    return tuple(link_of(one, other, DIFFERENT) for one, other in product(some, rest))


def _renamed(desk: Desk, person: int, called: str | None, noted: str | None) -> tuple[Named, ...]:
    """A person's name or note, kept with the first of its tracks; others of its tracks bear none of that kind then."""
    first, *rest = desk.tracks(person)
    held = {said[:2]: said for said in desk.review.names}
    mine = [held.get(first, Named(*first, "", "")), *(held[sight] for sight in rest if sight in held)]
    if called is not None:
        mine = [Named(camera, track, called if (camera, track) == first else "", old) for camera, track, _, old in mine]
    if noted is not None:
        mine = [Named(camera, track, old, noted if (camera, track) == first else "") for camera, track, old, _ in mine]
    return tuple(one for one in mine if one != held.get(one[:2]))


def _staying(desk: Desk, gone: Sequence[TrackKey], rest: Sequence[TrackKey]) -> tuple[Named, ...]:
    """Where only tracks that leave bear a person's name or note: from now on the first of those that stay bears it."""
    held = {said[:2]: said[2:] for said in desk.review.names}
    after = {sight: list(held.get(sight, ("", ""))) for sight in (*gone, *rest)}
    for kind, between in enumerate((", ", "; ")):
        said = dict.fromkeys(after[sight][kind] for sight in gone if after[sight][kind])
        if said and not any(after[sight][kind] for sight in rest):
            after[rest[0]][kind] = between.join(said)
            for sight in gone:
                after[sight][kind] = ""
    return tuple(Named(*sight, *said) for sight, said in after.items() if tuple(said) != held.get(sight, ("", "")))


def _moved(desk: Desk, camera: str, track: int, seconds: float) -> tuple[tuple[str, int, int], ...]:
    """The parts of the camera whose number a new cut changes: parts are numbered by track and time."""
    cuts = [one for one in desk.evidence.cuts if one.camera == camera]
    return tuple((camera, one.new_track, one.new_track + 1) for one in cuts if (one.track, one.seconds) > (track, seconds))


def _both(desk: Desk, one: TrackKey, other: TrackKey) -> str:
    desk.row(*one), desk.row(*other)
    if one == other:
        raise SettingsError(f"{_named(*one)} is one track", "Choose two.")
    return f"{_named(*one)} and {_named(*other)}"


def _named(camera: str, track: int) -> str:
    return f"{camera} track {track}"


def _listed(words: Sequence[str]) -> str:
    """
    >>> _listed(["a", "b", "c"]), _listed(["a"])
    ('a, b and c', 'a')
    """
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _at(seconds: float) -> str:
    """
    >>> _at(72.34)
    '1:12.3'
    """
    minutes, tenths = divmod(int(seconds * 10 + 1e-6), 600)
    return f"{minutes}:{tenths // 10:02d}.{tenths % 10}"


def _now() -> float:
    return time.time()
