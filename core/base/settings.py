"""What the user can set: one frozen class per stage, and one table that describes each setting.

A stage's result is stored under a key made of the clip's digest, the settings of that stage and those of the stages
before it. Field names are part of that key: renaming a field would orphan every stored result.

Flags, fields on pages, sliders, the list of what changed since a run and the file of settings are all made from
`SETTINGS`: a new setting is a field of a class here and an entry there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.base.errors import SettingsError

Number = int | float
"""A number whose digits are part of keys: one that was stored as 5 is read as 5, and not as 5.0."""

Part = Literal["models", "video", "detect", "embed", "track", "match", "machine"]
"""The stage whose result a setting decides, and with it those of the stages after it. What belongs to the machine
decides no result."""


@dataclass(frozen=True)
class ModelSettings:
    """The detector and the re-identification model: names that `models` lists, or files. `faces` is whether faces are
    compared, too, by two more models."""

    detector: str = "person-yolo11n-2"
    embedder: str = "person-osnet"
    faces: bool = False


@dataclass(frozen=True)
class VideoSettings:
    """Which frames are analysed: those from `start_seconds` to `end_seconds`, `fps` a second or every one for 0."""

    fps: Number = 10.0
    start_seconds: Number = 0.0
    end_seconds: Number | None = None

    def __post_init__(self) -> None:
        if self.start_seconds < 0:
            raise SettingsError(f"from is {self.start_seconds:g} s, before the clip begins", "Give 0 or more.")
        _require_ranges("video", self)
        if self.end_seconds is not None and self.end_seconds <= self.start_seconds:
            raise SettingsError(
                f"to ({self.end_seconds:g} s) is not after from ({self.start_seconds:g} s)", "Swap or widen them."
            )


@dataclass(frozen=True)
class DetectSettings:
    """How people are detected. `size` is the long side in pixels of the frame as the detector sees it. Boxes from the
    confidence `floor` are stored; `TrackSettings.conf` filters them later."""

    size: int = 640
    floor: Number = 0.05
    nms_iou: Number = 0.7
    most: int = 300

    def __post_init__(self) -> None:
        _require_ranges("detect", self)
        if self.size % 32:
            raise SettingsError(f"size is {self.size}, no multiple of 32", "Try 320, 480, 640 or 960.")


@dataclass(frozen=True)
class EmbedSettings:
    """Which boxes get an appearance vector: those from the confidence `floor`, and of these, unless `every`, only those
    whose appearance can decide something. `flip` averages each crop's vector with that of its mirror image."""

    floor: Number = 0.25
    flip: bool = False
    every: bool = False

    def __post_init__(self) -> None:
        _require_ranges("embed", self)


@dataclass(frozen=True)
class TrackSettings:
    """How boxes become tracks."""

    conf: Number = 0.25
    iou: Number = 0.2
    track_cos: Number = 0.65
    n_init: int = 3
    max_age: Number = 1.5

    def __post_init__(self) -> None:
        _require_ranges("track", self)


@dataclass(frozen=True)
class MatchSettings:
    """How tracks become people. Without a `threshold`, the clips themselves suggest one."""

    threshold: float | None = None
    ignore_positions: bool = False

    def __post_init__(self) -> None:
        _require_ranges("match", self)


@dataclass(frozen=True)
class MachineSettings:
    """How this machine works: what the networks run on, and how many pictures are decoded ahead."""

    device: str = "auto"
    buffer: int = 8

    def __post_init__(self) -> None:
        _require_ranges("machine", self)


_CLASSES: Mapping[Part, type] = {
    "models": ModelSettings,
    "video": VideoSettings,
    "detect": DetectSettings,
    "embed": EmbedSettings,
    "track": TrackSettings,
    "match": MatchSettings,
    "machine": MachineSettings,
}


@dataclass(frozen=True)
class Setting:
    """One setting: the class (`part`) and the field (`name`) that hold it, its flag, its range, and its texts.

    `label` and `help` are what pages show, `effect` is what a higher value does. `step` is that of input fields.
    `slider` is the range that is worth trying on a finished run, for those that can be tried. `on_run_page` says
    whether the Run page offers it. `of_clip` marks what belongs to one clip or case, which no file of settings may set
    for all of them.
    """

    part: Part
    name: str
    flag: str
    label: str
    help: str
    range: tuple[float, float] = (0.0, 1.0)
    step: float = 0.05
    unit: str = ""
    effect: str = ""
    slider: tuple[float, float] | None = None
    on_run_page: bool = False
    of_clip: bool = False
    without: str = ""
    """What holds where there is no value, or what 0 means."""

    @property
    def key(self) -> str:
        """Its name in a file of settings and among parsed flags: the flag without dashes.

        >>> setting("track_cos").key
        'track_cos'
        """
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def default(self) -> Any:
        return getattr(_CLASSES[self.part], self.name)

    @property
    def kind(self) -> type:
        """`bool` for a switch, `int` or `float` for a number, `str` for a name."""
        return float if self.default is None else type(self.default)

    @property
    def full_label(self) -> str:
        """The label with its unit: "Maximum gap (s)"."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def plain_label(self) -> str:
        """The label within a sentence: "maximum gap", but "IoU above which ..."."""
        mixed = any(letter.isupper() for letter in self.label.split()[0][1:])
        return self.label if mixed else f"{self.label[0].lower()}{self.label[1:]}"

    @property
    def flag_help(self) -> str:
        """The text behind the flag in --help, with the default.

        >>> setting("max_age").flag_help
        'maximum gap in seconds (1.5)'
        """
        if self.kind is bool:
            return f"{self.help[0].lower()}{self.help[1:].rstrip('.')}"
        label = self.plain_label
        unit = {"s": " in seconds", "px": " in pixels"}.get(self.unit, "")
        default = "" if self.default is None else self.default if self.kind is str else f"{self.default:g}"
        return f"{label}{unit} ({'; '.join(filter(None, (default, self.without)))})"

    def format(self, value: Any) -> str:
        """A value as users read it: "0.25", "1.5 s", "on"."""
        if value is None:
            return self.without
        if isinstance(value, bool):
            return "on" if value else "off"
        if not value and self.without.startswith(_ZERO):
            return self.without.removeprefix(_ZERO)
        text = value if isinstance(value, str) else f"{value:g}"
        return f"{text} {self.unit}" if self.unit else text

    def require(self, value: Any) -> None:
        """`SettingsError` unless the value is of this setting's kind and within its range."""
        if value is None and self.default is None:
            return
        if self.kind in (bool, str):
            if not isinstance(value, self.kind):
                remedy = "Give true or false." if self.kind is bool else f"Give a name, such as {self.default}."
                raise SettingsError(f"{self.key} is {value!r}", remedy)
            return
        is_whole, (low, high) = self.kind is int, self.range
        example = f"such as {low if self.default is None else self.default:g}"
        if (
            isinstance(value, bool)
            or not isinstance(value, int if is_whole else int | float)
            or not math.isfinite(value)
        ):
            what = "a whole number" if is_whole else "a number"
            raise SettingsError(f"the {self.plain_label} is {value!r}, which is not {what}", f"Give {what}, {example}.")
        if not low <= value <= high:
            raise SettingsError(
                f"the {self.plain_label} is {value:g}, outside {low:g} to {high:g}",
                f"Give a value from {low:g} to {high:g}.",
            )


_ZERO = "0: "
_ANY_SECOND = (0.0, 1e7)

SETTINGS = (
    Setting(
        "models",
        "detector",
        "--weights",
        "Person detector",
        "The model that finds people: a name that `models` lists, or a file.",
    ),
    Setting(
        "models",
        "embedder",
        "--features",
        "Re-identification model",
        "The model that compares how people look: a name that `models` lists, or a file.",
        without="or none: motion only",
    ),
    Setting(
        "models",
        "faces",
        "--faces",
        "Compare faces, too",
        "Faces are one more cue, where they are large enough; needs a purpose, and YuNet and SFace of your own.",
        of_clip=True,
    ),
    Setting(
        "video",
        "fps",
        "--fps",
        "Analysis frame rate",
        "Frames analysed per second.",
        (0, 1000),
        1.0,
        without="0: all frames",
        on_run_page=True,
    ),
    Setting(
        "video",
        "start_seconds",
        "--from",
        "Start of the analysed part",
        "Earlier frames are not analysed.",
        _ANY_SECOND,
        1.0,
        "s",
        of_clip=True,
    ),
    Setting(
        "video",
        "end_seconds",
        "--to",
        "End of the analysed part",
        "Later frames are not analysed.",
        _ANY_SECOND,
        1.0,
        "s",
        of_clip=True,
        without="the end",
    ),
    Setting(
        "detect",
        "size",
        "--size",
        "Detector input size",
        "Long side of the frame as the detector sees it, a multiple of 32.",
        (64, 4096),
        32,
        "px",
        "A larger size finds smaller people but takes longer.",
        on_run_page=True,
    ),
    Setting(
        "detect",
        "floor",
        "--detection-floor",
        "Lowest confidence of a stored box",
        "Boxes below it are not stored, so that no confidence threshold below it can use them.",
        effect="A higher value stores less and finds fewer uncertain people.",
    ),
    Setting(
        "detect",
        "nms_iou",
        "--nms-iou",
        "IoU above which two boxes are one person",
        "Of two boxes that overlap by more, only the better one is kept.",
        effect="A higher value keeps people who stand close together, and more double boxes.",
    ),
    Setting(
        "detect",
        "most",
        "--max-detections",
        "Maximum number of boxes per frame",
        "Only the most certain boxes of a frame are kept.",
        (1, 10_000),
        1,
    ),
    Setting(
        "embed",
        "floor",
        "--min-embed-conf",
        "Lowest confidence of a compared box",
        "Boxes below it get no appearance vector.",
        effect="A higher value compares fewer, clearer pictures.",
    ),
    Setting(
        "embed",
        "flip",
        "--flip",
        "Mirror images",
        "Average each appearance vector with that of the mirror image; takes twice as long.",
    ),
    Setting(
        "embed", "every", "--every-box", "Every box", "Compare every box, not only those whose appearance decides."
    ),
    Setting(
        "track",
        "iou",
        "--iou",
        "Minimum IoU",
        "Required overlap of a box with the predicted position.",
        effect="A higher value splits tracks of fast people; a lower one may continue them with another person.",
        slider=(0.0, 0.9),
        on_run_page=True,
    ),
    Setting(
        "track",
        "conf",
        "--conf",
        "Confidence threshold",
        "Detector confidence required to use a box.",
        effect="A higher value loses people who are small or partly hidden.",
        slider=(0.05, 0.95),
        on_run_page=True,
    ),
    Setting(
        "track",
        "track_cos",
        "--track-cos",
        "Similarity threshold within a track",
        "Similarity required to continue a track after a gap. Needs a re-identification model.",
        (-1.0, 1.0),
        effect="A higher value splits tracks, a lower value joins them.",
        slider=(0.0, 1.0),
        on_run_page=True,
    ),
    Setting(
        "track",
        "n_init",
        "--n-init",
        "Minimum detections per track",
        "Shorter tracks are dropped.",
        (1, 100),
        1,
        effect="A higher value removes false detections, but also people who only pass by.",
        slider=(1, 30),
        on_run_page=True,
    ),
    Setting(
        "track",
        "max_age",
        "--max-age",
        "Maximum gap",
        "A track ends when the person is out of sight for longer.",
        (0.0, 3600.0),
        0.5,
        "s",
        effect="A higher value continues tracks behind longer obstructions, perhaps with another person.",
        slider=(0.0, 10.0),
        on_run_page=True,
    ),
    Setting(
        "match",
        "threshold",
        "--cos",
        "Similarity threshold",
        "Similarity at which tracks are one person.",
        (-1.0, 1.0),
        0.01,
        effect="A higher value makes more people of fewer tracks each.",
        without="suggested from the clips",
    ),
    Setting(
        "match",
        "ignore_positions",
        "--ignore-positions",
        "Ignore where people stand",
        "Match by appearance only, not by where people stood.",
        effect="Helps where cameras share no ground, but seem to.",
    ),
    Setting(
        "machine", "device", "--device", "Device", "What the networks run on: auto, openvino (or cpu), torch, cuda."
    ),
    Setting(
        "machine",
        "buffer",
        "--buffer-size",
        "Pictures decoded ahead",
        "How many pictures of a clip are decoded before they are looked at.",
        (1, 1000),
        1,
        effect="A higher value takes more memory; it helps only where decoding stutters.",
    ),
)
_BY_KEY = {each.key: each for each in SETTINGS}


def setting(key: str) -> Setting:
    """The setting of this key; `KeyError` if there is none."""
    return _BY_KEY[key]


def settings_of(*parts: Part) -> tuple[Setting, ...]:
    """The settings of these parts, in the order of the table."""
    return tuple(each for each in SETTINGS if each.part in parts)


def _require_ranges(part: Part, values: object) -> None:
    for each in settings_of(part):
        each.require(getattr(values, each.name))
