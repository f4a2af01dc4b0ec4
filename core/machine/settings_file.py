"""`sightline.toml`: the user's own defaults, for the command line and for new cases.

    fps = 15
    cos = 0.6
    weights = "person-yolo11n"

The file in the folder where the program is started comes first, then the one in the user's data folder; a flag wins
over both. Keys are the flags of `SETTINGS` without dashes. Keys of other trackers are understood as well: each acts, or
a note says why it does not.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.base.errors import SettingsError
from core.base.limits import SETTINGS_BYTES, read_bounded
from core.base.settings import SETTINGS, MachineSettings, Part, Setting, setting, settings_of
from core.machine.paths import data_dir

FILE = "sightline.toml"
NO_FILE = "none"
"""In place of a file: only the program's own defaults."""
DEFAULT = "default"

_SYNONYMS = {"similarity_threshold": "cos", "target_fps": "fps"}
_FRAMES_OF_GAP = "max_track_age"
_SMOOTHED = "a track's appearance is the mean of all its boxes, weighted by quality, which smooths more than a window"
_REUSED = "pictures are always decoded into a bounded queue, whose size is buffer_size"
_WITHOUT_EFFECT = {
    "batch_size": "batches are fixed for each device, so that results do not depend on them",
    "feature_smoothing": _SMOOTHED,
    "temporal_smoothing": _SMOOTHED,
    "buffer_reuse": _REUSED,
    "reuse_buffers": _REUSED,
}


@dataclass(frozen=True)
class ChosenSetting:
    """The value of a setting, and where it comes from: the path of a file, or "default"."""

    setting: Setting
    value: Any
    source: str


@dataclass(frozen=True)
class UserSettings:
    """What files of settings set, by key; `notes` are sentences about keys that have no effect here."""

    chosen: Mapping[str, ChosenSetting] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def values(self, *parts: Part) -> dict[str, Any]:
        """What the files set of these parts, by the names of the fields in their classes."""
        chosen = (self.chosen[each.key] for each in settings_of(*parts) if each.key in self.chosen)
        return {each.setting.name: each.value for each in chosen}

    def all(self) -> list[ChosenSetting]:
        """Every setting that a file may set, with its value and source."""
        return [
            self.chosen.get(each.key, ChosenSetting(each, each.default, DEFAULT))
            for each in SETTINGS
            if not each.of_clip
        ]


def load_settings(file: str | None = None) -> UserSettings:
    """The settings of `file`, or of the usual files if none is named; `SettingsError` if one holds what it must not."""
    if file == NO_FILE:
        return UserSettings()
    if file is not None:
        if not Path(file).is_file():
            raise SettingsError(f"there is no file of settings {file}", f"Name one, or write {NO_FILE}.")
        return read_settings(Path(file))
    user, project = (read_settings(path) for path in (data_dir() / FILE, Path.cwd() / FILE))
    return UserSettings({**user.chosen, **project.chosen}, (*user.notes, *project.notes))


def machine_settings() -> MachineSettings:
    """How this machine works, as the user's files say."""
    return MachineSettings(**load_settings().values("machine"))


def read_settings(path: Path) -> UserSettings:
    """The settings in a file; none if it is not there."""
    try:
        content = tomllib.loads(read_bounded(path, SETTINGS_BYTES, SettingsError, "Shorten it.").decode())
    except FileNotFoundError:
        return UserSettings()
    except (OSError, ValueError, RecursionError) as fault:
        raise SettingsError(f"{path} cannot be read ({fault})", "Correct the file, or remove it.") from fault
    try:
        values, notes = _translate(content)
        for key, value in values.items():
            _require(key, value)
    except SettingsError as fault:
        raise SettingsError(f"{path}: {fault.message}", fault.remedy) from fault
    chosen = {key: ChosenSetting(setting(key), value, str(path)) for key, value in values.items()}
    return UserSettings(chosen, tuple(f"{path}: {note}" for note in notes))


def example() -> str:
    """A file of settings with every key and its default, all of them comments."""
    lines = [f"# {FILE}: remove the # before a line to change the setting.", ""]
    for each in SETTINGS:
        if not each.of_clip:
            text = f"{each.help} {each.effect}".strip()
            lines += [f"# {each.full_label}. {text}", f"# {each.key} = {_toml(each)}", ""]
    return "\n".join(lines)


def _translate(content: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values by our own keys, and a note for each key without an effect."""
    values: dict[str, Any] = {}
    notes = []
    for key, value in content.items():
        own = _SYNONYMS.get(key, key)
        if key in _WITHOUT_EFFECT:
            notes.append(f"{key} has no effect: {_WITHOUT_EFFECT[key]}")
        elif key == _FRAMES_OF_GAP:
            values["max_age"] = _seconds_of_gap(value, content)
        elif own not in _KEYS:
            raise SettingsError(f"there is no setting '{key}'", _suggestion(key))
        elif own in values:
            raise SettingsError(f"{own} is set twice, also as {key}", "Leave one of them out.")
        else:
            values[own] = value
    return values, notes


def _require(key: str, value: Any) -> None:
    try:
        setting(key).require(value)
    except SettingsError as fault:
        raise SettingsError(f"{key}: {fault.message}", fault.remedy) from fault


_KEYS = frozenset(each.key for each in SETTINGS if not each.of_clip)


def _seconds_of_gap(frames: Any, content: Mapping[str, Any]) -> float:
    """`max_track_age` counts analysed frames; ours counts seconds."""
    if "max_age" in content:
        raise SettingsError(f"max_age is set twice, also as {_FRAMES_OF_GAP}", "Leave one of them out.")
    fps = content.get("target_fps", content.get("fps", setting("fps").default))
    for key, value in ((_FRAMES_OF_GAP, frames), ("fps", fps)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SettingsError(f"{key} is {value!r}, which is not a number", "Give a number of frames.")
    if not fps:
        raise SettingsError(
            f"{_FRAMES_OF_GAP} counts frames, and every frame of each clip is analysed", "Set max_age, in seconds."
        )
    return float(frames / fps)


def _suggestion(key: str) -> str:
    close = difflib.get_close_matches(key, _KEYS, 1)
    return f"Did you mean {close[0]}?" if close else f"There are: {', '.join(sorted(_KEYS))}."


def _toml(each: Setting) -> str:
    if each.default is None:
        return f"0.6  # without it: {each.without}"
    return f'"{each.default}"' if each.kind is str else str(each.default).lower()
