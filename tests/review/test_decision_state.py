"""What a row of words amounts to: the latest counts, and nothing else is touched."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.review import DecisionState, Pair, Renumbering, reduce_actions
from core.runs import DIFFERENT, SAME, Link, Name, PersonNumber, TrackKey


@dataclass(frozen=True)
class Decisions:
    links: tuple[Link, ...] = ()
    names: tuple[Name, ...] = ()
    unsure: tuple[tuple[TrackKey, TrackKey], ...] = ()
    renumbered: tuple[Renumbering, ...] = ()
    numbers: tuple[PersonNumber, ...] = ()


def sight(name: str) -> TrackKey:
    return TrackKey("gate", ord(name) - ord("a"))


def decisions(text: str) -> Decisions:
    """`ab` joins a and b, `a|bc` tells a from b and c."""
    left, bar, right = text.partition("|")
    if bar:
        return Decisions(tuple(Link(sight(one), DIFFERENT, sight(other)) for one in left for other in right))
    return Decisions(tuple(Link(sight(left[0]), SAME, sight(other)) for other in left[1:]))


def reduced(text: str) -> DecisionState:
    return reduce_actions(map(decisions, text.split()))


def joined(said: DecisionState) -> str:
    return " ".join(sorted("".join(sorted(chr(track + ord("a")) for _, track in group)) for group in said.joined))


@pytest.mark.parametrize(
    ("said", "groups", "apart"),
    [
        ("ab", "ab", 0),
        ("ab bc", "abc", 0),
        ("ab cd bc", "abcd", 0),
        ("a|b ab", "ab", 0),  # the latest word counts
        ("ab a|b", "", 1),
        ("a|c bc ab", "abc", 0),  # also where it says so through another
        ("abcd a|bcd", "bcd", 3),  # the first of a star is taken out: the others stay joined
        ("abcd b|acd", "acd", 3),
        ("abcd ab|cd", "ab cd", 4),  # split: whoever was joined on one side stays so
        ("abcd a|b", "cd", 1),  # which of the two the others are with, nobody said
        ("ab cd a|c", "ab cd", 1),  # they were not joined
        ("abc a|bc ab", "abc", 0),
        ("a|bc ab", "ab", 1),  # a and c are still two people
        ("", "", 0),
    ],
)
def test_the_latest_word_counts(said: str, groups: str, apart: int) -> None:
    found = reduced(said)
    assert (joined(found), len(found.separated)) == (groups, apart)


def test_links_say_the_same_again() -> None:
    """A file of the links is as good as the actions."""
    said = reduced("abc de a|d ef b|e")
    again = reduce_actions([Decisions(said.links)])
    assert (set(again.joined), set(again.separated)) == (set(said.joined), set(said.separated))


def test_names_hold_until_they_are_taken_away() -> None:
    a, b = sight("a"), sight("b")
    actions = [
        Decisions(names=(Name(*a, "Anna", ""),)),
        Decisions(names=(Name(*b, "", "a hat"),)),
        Decisions(names=(Name(*a, "", ""),)),
    ]
    assert [reduce_actions(actions[:count]).names for count in range(4)] == [
        (),
        ((*a, "Anna", ""),),
        ((*a, "Anna", ""), (*b, "", "a hat")),
        ((*b, "", "a hat"),),
    ]


def test_what_is_decided_is_not_unsure_any_more() -> None:
    pair = sight("a"), sight("b")
    actions = [Decisions(unsure=(pair,)), decisions("ac"), decisions("a|b")]
    assert [len(reduce_actions(actions[:count]).unsure) for count in range(4)] == [0, 1, 1, 0]


def test_parts_of_tracks_keep_what_was_said_of_them_under_new_numbers() -> None:
    a, b, c = sight("a"), sight("b"), sight("c")
    before = Decisions((Link(a, SAME, b), Link(a, DIFFERENT, c)), (Name(*b, "Ben", ""),), ((b, c),))
    after = reduce_actions([before, Decisions(renumbered=(Renumbering("gate", 1, 2), Renumbering("gate", 2, 3)))])
    assert after.joined == (frozenset([a, ("gate", 2)]),)
    assert after.separated == (frozenset([a, ("gate", 3)]),)
    assert after.unsure == (frozenset([("gate", 2), ("gate", 3)]),)
    assert after.names == (("gate", 2, "Ben", ""),)


NAMES = "abcdefg"
PAIRS = st.lists(st.tuples(st.booleans(), st.permutations(NAMES), st.integers(1, 3), st.integers(1, 3)), max_size=8)


@settings(deadline=None)
@given(PAIRS)
def test_nobody_is_joined_and_apart(said: Sequence[tuple[bool, Sequence[str], int, int]]) -> None:
    """And the last word itself holds, whatever was said before."""
    actions = [
        decisions("".join(names[: a + b]) if join else f"{''.join(names[:a])}|{''.join(names[a : a + b])}")
        for join, names, a, b in said
    ]
    found = reduce_actions(actions)
    together: set[Pair] = {frozenset(pair) for group in found.joined for pair in combinations(group, 2)}
    assert not together & set(found.separated)
    assert sum(map(len, found.joined)) == len({one for group in found.joined for one in group})
    for link in actions[-1].links if actions else ():
        assert frozenset(link.pair) in (together if link.decision == SAME else found.separated)
