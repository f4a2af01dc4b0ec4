"""What somebody has said about who is who: actions, in order, of which the last can be taken back.

The nouns, and their file. What is said is kept as it was said; `said` makes one statement of it, in which the latest
word counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from core.errors import StoreError
from core.folders import write_atomically
from core.people import Link
from core.review.saying import Named, Said, Sight, fold

FORMAT = 1


@dataclass(frozen=True)
class Action:
    """`words` tell what was done ("joined P003 and P007"). `links` say it of tracks, as a file of links would, and
    `names` hold each track that bears a name or a note now, empty where it was taken away.

    `moved` holds the numbers of parts of cut tracks that are others since: camera, number before, number now.
    """

    kind: str
    words: str
    time: float
    links: tuple[Link, ...] = ()
    names: tuple[Named, ...] = ()
    unsure: tuple[tuple[Sight, Sight], ...] = ()
    moved: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class Waiting:
    """What was said of the tracks of the run `run`, cut at `cuts`, and cannot be said of the run that is shown; `why`
    is empty where it holds there by itself. It is kept for a later run."""

    run: str
    cuts: tuple[Link, ...]
    action: Action
    why: str


@dataclass(frozen=True)
class Review:
    """`done` in the order in which it was done; `undone` the other way round: its last can be done again first.

    `run` is the run whose tracks are meant, where they were carried to it; empty as long as they were not.
    """

    done: tuple[Action, ...] = ()
    undone: tuple[Action, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    run: str = ""

    def act(self, action: Action) -> Review:
        """With one more action; what was taken back before is gone."""
        return replace(self, done=(*self.done, action), undone=())

    def undo(self) -> Review:
        """Without the last action, if there is any."""
        return replace(self, done=self.done[:-1], undone=(*self.undone, self.done[-1])) if self.done else self

    def redo(self) -> Review:
        """With the action again that was taken back last, if any was."""
        return replace(self, done=(*self.done, self.undone[-1]), undone=self.undone[:-1]) if self.undone else self

    @cached_property
    def said(self) -> Said:
        return fold(self.done)

    @property
    def links(self) -> tuple[Link, ...]:
        """All that holds now of tracks, as a file of links would say it."""
        return self.said.links

    @property
    def names(self) -> tuple[Named, ...]:
        """Camera, track, name and note of every track that bears one."""
        return self.said.names


def load_review(path: Path) -> Review:
    """The review in a file; an empty one where there is no such file yet."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise StoreError(f"{path} is of another version of the program", "Update Sightline.")
        done, undone = (tuple(_action(one) for one in content[part]) for part in ("done", "undone"))
        waiting = (
            Waiting(str(one["run"]), tuple(map(_link, one["cuts"])), _action(one["action"]), str(one["why"]))
            for one in content.get("waiting", ())
        )
        return Review(done, undone, tuple(waiting), str(content.get("run", "")))
    except FileNotFoundError:
        return Review()
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise StoreError(
            f"what was decided cannot be read ({path}: {fault})", "Restore the case from a back-up."
        ) from fault


def save_review(path: Path, review: Review) -> None:
    """Whole, or not at all."""
    write_atomically(path, json.dumps({"format": FORMAT, **asdict(review)}, indent=1, ensure_ascii=False).encode())


def _action(content: Mapping[str, Any]) -> Action:
    return Action(
        kind=str(content["kind"]),
        words=str(content["words"]),
        time=float(content["time"]),
        links=tuple(map(_link, content["links"])),
        names=tuple(
            Named(str(camera), int(track), str(name), str(note)) for camera, track, name, note in content["names"]
        ),
        unsure=tuple((_sight(one), _sight(other)) for one, other in content["unsure"]),
        moved=tuple((str(camera), int(before), int(now)) for camera, before, now in content["moved"]),
    )


def _link(content: Any) -> Link:
    return {str(name): str(text) for name, text in dict(content).items()}


def _sight(content: Any) -> Sight:
    camera, track = content
    return str(camera), int(track)
