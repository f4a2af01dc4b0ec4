"""What a user can decide about people. Each command returns the review with one more action.

A decision that changes nothing returns the review as it is, the same object. A decision that cannot hold raises
`SettingsError` or `Contradiction`, with what the user can do instead, and nothing is changed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from core.base.errors import SettingsError
from core.base.text import one_line, person_name
from core.review.history import Action, Renumbering, Review, track_of_name
from core.review.session import ReviewSession, format_key, format_seconds
from core.runs import DIFFERENT, IS_OBJECT, IS_PERSON, SAME, CutPoint, Link, Name, PersonNumber, TrackKey, new_numbers

MAX_NAME_LENGTH, MAX_NOTE_LENGTH = 100, 2000
_SEPARATORS = ", ", "; "
"""Between several names and between several notes."""


def confirm(session: ReviewSession, person: int) -> Review:
    """All tracks of a person are that person, at any threshold."""
    first, *others = session.tracks(person)
    if not others:
        raise SettingsError(f"{person_name(person)} has only one track", "There is nothing to confirm.")
    links = [Link(first, SAME, key) for key in others]
    return _record(session, Action("confirm", f"Confirmed {person_name(person)}", _now(), tuple(links)))


def reject(session: ReviewSession, camera: str, track: int) -> Review:
    """A track belongs to none of those that it is grouped with now."""
    rejected = TrackKey(camera, track)
    person = session.person_of(rejected)
    remaining = [key for key in session.tracks(person) if key != rejected]
    if not remaining:
        raise SettingsError(
            f"{format_key(*rejected)} is the only track of {person_name(person)}", "There is nobody to remove it from."
        )
    description = f"Removed {format_key(*rejected)} from {person_name(person)}"
    links = _separating_links([rejected], remaining)
    names = _names_that_stay(session, [rejected], remaining)
    numbers = _number_that_stays(session, [rejected], remaining)
    return _record(session, Action("reject", description, _now(), links, names=names, numbers=numbers))


def merge(session: ReviewSession, persons: Sequence[int]) -> Review:
    """Several people are one: all tracks that they have now are that person, at any threshold."""
    people = sorted(set(persons))
    if len(people) < 2:
        raise SettingsError("merging needs two or more people", "Select another person.")
    first, *others = (key for person in people for key in session.tracks(person))
    description = f"Merged {_join_words([person_name(person) for person in people])}"
    links = tuple(Link(first, SAME, key) for key in others)
    return _record(session, Action("merge", description, _now(), links, people=tuple(people)))


def split(session: ReviewSession, tracks: Sequence[TrackKey]) -> Review:
    """Some tracks of a person are somebody else. Whether they stay together is left to their similarity."""
    selected = list(dict.fromkeys(tracks))
    persons = {session.person_of(key) for key in selected}
    if len(persons) != 1:
        raise SettingsError("the tracks do not belong to one person", "Select some of the tracks of one person.")
    person = persons.pop()
    remaining = [key for key in session.tracks(person) if key not in selected]
    if not remaining:
        raise SettingsError(f"these are all tracks of {person_name(person)}", "Leave at least one of them out.")
    description = f"Split {_join_words([format_key(*key) for key in selected])} from {person_name(person)}"
    links, names = _separating_links(selected, remaining), _names_that_stay(session, selected, remaining)
    numbers = _number_that_stays(session, selected, remaining)
    return _record(session, Action("split", description, _now(), links, names=names, numbers=numbers))


def cut(session: ReviewSession, camera: str, track: int, seconds: float) -> Review:
    """A track shows two people: from that second of the clip on it is another track.

    Earlier decisions about the track hold for the part before the cut.
    """
    row, moment = session.row(camera, track), round(seconds, 3)
    start, end = session.evidence.clip_seconds(row)
    if session.evidence.has_times and not start < moment <= end + 1e-3:
        raise SettingsError(
            f"{format_key(camera, track)} is not visible both before and after {format_seconds(moment)}",
            f"Cut after {format_seconds(start)} and no later than {format_seconds(end)}.",
        )
    cuts = session.evidence.cuts
    # A link names the track as the run numbered it, also where a part of it is cut again.
    run_track = next((each.track for each in cuts if (each.camera, each.new_track) == (camera, track)), track)
    link = Link.cut(CutPoint(camera, run_track, moment))
    description = f"Cut {format_key(camera, track)} at {format_seconds(moment)}"
    renumbered = _renumbered_parts(session, camera, run_track, moment)
    return _record(session, Action("cut", description, _now(), (link,), renumbered=renumbered))


def name(session: ReviewSession, person: int, text: str) -> Review:
    """The name under which a person is shown; empty text removes it."""
    new_name = one_line(text)[:MAX_NAME_LENGTH].strip()
    tracks = session.tracks(person)
    if new_name == session.labels.names.get(person, ""):
        return session.review
    label = person_name(person)
    description = f"Named {label} {new_name}" if new_name else f"Removed the name of {label}"
    return _record(session, Action("name", description, _now(), names=_relabel(session, tracks, new_name=new_name)))


def note(session: ReviewSession, person: int, text: str) -> Review:
    """A note on a person; empty text removes it."""
    new_note = one_line(text)[:MAX_NOTE_LENGTH].strip()
    tracks = session.tracks(person)
    if new_note == session.labels.notes.get(person, ""):
        return session.review
    label = person_name(person)
    description = f"Changed the note on {label}" if new_note else f"Removed the note on {label}"
    return _record(session, Action("note", description, _now(), names=_relabel(session, tracks, new_note=new_note)))


def same(session: ReviewSession, a: TrackKey, b: TrackKey) -> Review:
    """Two tracks are one person: all tracks of both people as they are shown now, at any threshold, as in a merge."""
    description = f"Marked {_describe_pair(session, a, b)} as the same person"
    people = sorted({session.person_of(a), session.person_of(b)})
    others = [key for person in people for key in session.tracks(person) if key != a]
    links = tuple(Link(a, SAME, key) for key in others)
    return _record(session, Action("same", description, _now(), links, people=tuple(people) if len(people) > 1 else ()))


def different(session: ReviewSession, a: TrackKey, b: TrackKey) -> Review:
    """Two tracks are two people."""
    description = f"Marked {_describe_pair(session, a, b)} as different people"
    return _record(session, Action("different", description, _now(), (Link(a, DIFFERENT, b),)))


def unsure(session: ReviewSession, a: TrackKey, b: TrackKey) -> Review:
    """Nobody can tell whether two tracks are one person: the pair comes last in the queue from now on."""
    description = f"Marked {_describe_pair(session, a, b)} as not sure"
    return _record(session, Action("unsure", description, _now(), unsure=((a, b),)))


def mark_person(session: ReviewSession, person: int) -> Review:
    """What was taken for a thing is a person."""
    return _mark(session, person, IS_PERSON, f"Marked {person_name(person)} as a person")


def mark_thing(session: ReviewSession, person: int) -> Review:
    """What was taken for a person is a thing: each of the tracks by itself, unless the user has joined them."""
    return _mark(session, person, IS_OBJECT, f"Marked {person_name(person)} as a thing")


def _mark(session: ReviewSession, person: int, decision: str, description: str) -> Review:
    tracks = session.tracks(person)
    is_object = [bool(session.evidence.tracklets.is_object[session.row(*key)]) for key in tracks]
    links = tuple(
        Link(key, decision) for key, mark in zip(tracks, is_object, strict=True) if mark != (decision == IS_OBJECT)
    )
    return _record(session, Action(decision, description, _now(), links))


def _record(session: ReviewSession, action: Action) -> Review:
    """The review with the action, or the review as it is if the action changes nothing. Raises if it cannot hold.

    With the first decision, the numbers that people have now become theirs for good; a part that a cut makes gets a
    number with the cut.
    """
    if session.review.act(action).state == session.review.state:
        return session.review
    before = _with_numbers(session)
    after = session.preview(before.act(action))
    numbers = before.act(action).state.numbers
    for_parts = new_numbers(numbers, after.evidence, after.review.highest)
    return before.act(replace(action, numbers=(*action.numbers, *for_parts))) if for_parts else after.review


def _with_numbers(session: ReviewSession) -> Review:
    """The review, in which every track has a number."""
    numbers = session.review.state.numbers
    return session.review.with_numbers(new_numbers(numbers, session.evidence, session.review.highest))


def _number_that_stays(
    session: ReviewSession, leaving: Sequence[TrackKey], remaining: Sequence[TrackKey]
) -> tuple[PersonNumber, ...]:
    """Changes that keep the person's number with the remaining tracks, if a leaving track has it.

    It moves to the first track that remains. A leaving track that had no other number gets a new one.
    """
    review, person = _with_numbers(session), session.person_of(remaining[0])
    place_of = {each.number: each for each in review.state.numbers}
    owner = next(key for key in (*leaving, *remaining) if person in session.row_numbers[session.row(*key)])
    if owner not in leaving:
        return ()
    stays = place_of[session.row_numbers[session.row(*remaining[0])][0]]._replace(number=person)
    if len(session.row_numbers[session.row(*owner)]) > 1:
        return (stays,)
    return stays, place_of[person]._replace(number=review.highest + 1)


def _separating_links(some: Sequence[TrackKey], others: Sequence[TrackKey]) -> tuple[Link, ...]:
    return tuple(Link(a, DIFFERENT, b) for a, b in product(some, others))


def _relabel(
    session: ReviewSession, tracks: Sequence[TrackKey], new_name: str | None = None, new_note: str | None = None
) -> tuple[Name, ...]:
    """Changes that give a person with these tracks a name or a note; None leaves names or notes as they are.

    The text goes to the first track, and the text of that kind is removed from the others.
    """
    first = tracks[0]
    old_names = {track_of_name(each): each for each in session.review.names}
    labelled = [old_names.get(key, Name(*key, "", "")) for key in tracks if key == first or key in old_names]
    if new_name is not None:
        labelled = [each._replace(name=new_name if track_of_name(each) == first else "") for each in labelled]
    if new_note is not None:
        labelled = [each._replace(note=new_note if track_of_name(each) == first else "") for each in labelled]
    return tuple(each for each in labelled if each != old_names.get(track_of_name(each)))


def _names_that_stay(
    session: ReviewSession, leaving: Sequence[TrackKey], remaining: Sequence[TrackKey]
) -> tuple[Name, ...]:
    """Changes that keep a name and a note with the remaining tracks if only leaving tracks have them.

    They move to the first track that remains.
    """
    old_texts = {track_of_name(each): [each.name, each.note] for each in session.review.names}
    new_texts = {key: list(old_texts.get(key, ["", ""])) for key in (*leaving, *remaining)}
    for kind, separator in enumerate(_SEPARATORS):
        texts = dict.fromkeys(new_texts[key][kind] for key in leaving if new_texts[key][kind])
        if texts and not any(new_texts[key][kind] for key in remaining):
            new_texts[remaining[0]][kind] = separator.join(texts)
            for key in leaving:
                new_texts[key][kind] = ""
    return tuple(Name(*key, *texts) for key, texts in new_texts.items() if texts != old_texts.get(key, ["", ""]))


def _renumbered_parts(session: ReviewSession, camera: str, track: int, seconds: float) -> tuple[Renumbering, ...]:
    """The parts of the camera whose number a new cut changes: parts are numbered by track and time."""
    cuts = [each for each in session.evidence.cuts if each.camera == camera]
    later = [each.new_track for each in cuts if (each.track, each.seconds) > (track, seconds)]
    return tuple(Renumbering(camera, number, number + 1) for number in later)


def _describe_pair(session: ReviewSession, a: TrackKey, b: TrackKey) -> str:
    session.row(*a), session.row(*b)
    if a == b:
        raise SettingsError(f"{format_key(*a)} cannot be compared with itself", "Select two tracks.")
    return f"{format_key(*a)} and {format_key(*b)}"


def _join_words(parts: Sequence[str]) -> str:
    """
    >>> _join_words(["a", "b", "c"]), _join_words(["a"])
    ('a, b and c', 'a')
    """
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def _now() -> float:
    return time.time()
