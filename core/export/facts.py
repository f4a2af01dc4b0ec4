"""The facts behind an export that are not in the run: the case with its decisions, and the recordings as they are now.

A case hands its facts over in a file (`gallery --facts FILE`). Both kinds stand in the manifest, so that the report
tells them to a reader, and a repetition of the run makes the same report again. `run_in_words` says how the run itself
was made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.base.errors import ClipError, SightlineError, StoreError
from core.base.progress import Progress
from core.base.settings import Part, Setting, settings_of
from core.machine.artifacts import digest_of
from core.machine.paths import cache_dir, write_atomically
from core.machine.records import RecordFormat
from core.runs import CameraRecord, TrackKey, read_record
from core.vision.video import digest, is_list, picture_files, read_list

CASE, ORIGINALS, HEAD_MODEL = "case", "originals", "head_model"
"""Where the facts stand among those of a gallery and in the manifest."""
_PARTS: Mapping[Part, str] = {
    "video": "Which frames were analysed",
    "detect": "How people were found",
    "embed": "Which boxes were compared",
    "track": "How people were followed within a camera",
}
MODELS = {"detector": "Person detector", "embedder": "Re-identification model", HEAD_MODEL: "Head finder"}
_UNITS = {"fps": " frames a second"}
"""Of settings whose label names the unit."""
Rows = list[tuple[str, str]]
_BLOCK = 1 << 20


@dataclass(frozen=True)
class DecisionFact:
    """What somebody decided about people: `when` is local time with its offset from UTC, `tracks` are those that it is
    about, `who` is empty where the history does not say it."""

    when: str
    text: str
    tracks: tuple[TrackKey, ...] = ()
    who: str = ""


@dataclass(frozen=True)
class CaseFacts:
    """What a case says of an export. Times are local, with their offset from UTC; what is unknown is empty.

    `made_by` is the name of the system's user who asked for the export, and `made_at` when. `analysed_at` is when the
    run began, and `time_zone` that of the case. Purpose and time limit are not here: they are facts of the gallery.
    """

    key: str = ""
    name: str = ""
    made_by: str = ""
    made_at: str = ""
    analysed_at: str = ""
    time_zone: str = ""
    decisions: tuple[DecisionFact, ...] = ()

    @property
    def digest(self) -> str:
        """Of all but who made the export and when: an export of the same content is not made twice."""
        return digest_of(asdict(replace(self, made_by="", made_at="")))


FACTS = RecordFormat(CaseFacts, "list of facts about a case", remedy="Export it again.", unversioned=1)


def read_facts(path: Path) -> CaseFacts:
    """The facts in a file that a case has written."""
    try:
        return FACTS.read(path)
    except FileNotFoundError as fault:
        raise StoreError(f"{path} cannot be read ({fault.strerror})", "Check the name.") from fault


def case_facts(about: Mapping[str, Any]) -> CaseFacts | None:
    """The facts of the case among those of a gallery; None for an export that was made of a run's folder alone."""
    return FACTS.from_content(about[CASE]) if CASE in about else None


@dataclass(frozen=True)
class Original:
    """A file of a camera as it is when an export is made: its SHA-256 and size, or why these are unknown (`missing`).

    Of a folder of `pictures`, the SHA-256 is that of their list as `sha256sum` writes it, in order of their names.
    """

    camera: str
    file: str
    digest: str = ""
    sha256: str = ""
    bytes: int = 0
    pictures: int = 0
    missing: str = ""


def originals_of(about: Mapping[str, Any]) -> list[Original]:
    """The recordings among the facts of a gallery."""
    return [Original(**content) for content in about.get(ORIGINALS, ())]


class Recordings:
    """The recordings of the run in folder `out`, by camera. Those that were moved may be given in `clips`, and are
    recognised by their content. Cameras in `absent` count as missing, for the reason given there: so an export without
    them can be repeated.
    """

    def __init__(self, out: Path, clips: Sequence[Path] = (), absent: Mapping[str, str] | None = None) -> None:
        self._moved = {digest(clip): clip for clip in clips}
        self._absent = dict(absent or {})
        # Cameras of loose pictures have no digest.
        self.cameras = {name: camera for name, camera in read_record(out).analysed.items() if camera.digest}

    def path(self, camera: str) -> Path:
        """Where the clip of a camera lies; `ClipError` if it is not there, or is another one by now."""
        record = self.cameras[camera]
        path = self._moved.get(record.digest, Path(record.clip))
        name = record.file or path.name
        if camera in self._absent:
            raise ClipError(self._absent[camera], "Export it again.")
        if digest(path) != record.digest:
            raise ClipError(f"{name} has changed since the run", "Put the clip of the run back, or run again.")
        return path

    def originals(self, progress: Progress) -> list[Original]:
        """Every file of every camera with its SHA-256, which is computed once for each content."""
        found = [each for name, record in self.cameras.items() for each in self._files(name, record)]
        sizes = [sum(file.stat().st_size for file in files) for _, files in found]
        total, before, originals = max(1, sum(sizes) // _BLOCK), 0, []
        progress.begin("checksum", total)
        for (original, files), size in zip(found, sizes, strict=True):
            step = _Step(progress, total, before)
            originals.append(replace(original, sha256=_checksum(original, files, step), bytes=size))
            before += size
        return originals

    def _files(self, camera: str, record: CameraRecord) -> Iterator[tuple[Original, list[Path]]]:
        """Each file of a camera with the files that it consists of: mostly itself, or the pictures of a folder."""
        try:
            path = self.path(camera)
        except SightlineError as fault:
            # The name of the file, and nothing of where it lay.
            recorded = record.recordings or (record,)
            yield from ((Original(camera, each.file, each.digest, missing=fault.message), []) for each in recorded)
            return
        listed = [(Path(each.file), each.title, each.digest or digest(each.file)) for each in _list_entries(path)]
        for file, name, content in listed or [(path, record.file or path.name, record.digest)]:
            pictures = [] if file.is_file() else picture_files(file)
            yield Original(camera, name, content, pictures=len(pictures)), pictures or [file]


@dataclass
class _Step:
    """Counts the bytes that were read, and reports them in MB."""

    progress: Progress
    total: int
    done: int

    def __call__(self, count: int) -> None:
        self.done += count
        self.progress.at(min(self.done // _BLOCK, self.total))


def _list_entries(path: Path) -> Sequence[Any]:
    return read_list(path) if is_list(path) else ()


def _checksum(original: Original, files: Sequence[Path], read: Callable[[int], None]) -> str:
    """The SHA-256 of these files; it is kept under the digest of their content."""
    if not files:
        return ""
    stored = cache_dir() / "checksums" / f"{original.digest}.txt"
    try:
        text = stored.read_text(encoding="ascii").strip()
        if len(text) == hashlib.sha256().digest_size * 2:
            return text
    except (OSError, ValueError):
        pass  # computed below
    try:
        sums = [(_sha256(file, read), file.name) for file in files]
    except OSError as fault:
        raise ClipError(f"{original.file} cannot be read ({fault.strerror})", "Check the disk.") from fault
    lines = "".join(f"{digits}  {name}\n" for digits, name in sorted(sums, key=lambda row: row[1]))
    found = hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest() if original.pictures else sums[0][0]
    write_atomically(stored, f"{found}\n".encode())
    return found


def _sha256(file: Path, read: Callable[[int], None]) -> str:
    hasher = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            hasher.update(block)
            read(len(block))
    return hasher.hexdigest()


def run_in_words(about: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    """How a gallery was made, for a reader who knows no JSON: topics with rows of name and value. Nothing that a reader
    cannot judge is in it; the manifest has everything.

    >>> list(run_in_words({"run": {"settings": {"track": {"max_age": 1.5}}}}))
    [('How people were followed within a camera', [('Maximum gap', '1.5 s')])]
    """
    run = about.get("run", {})
    for part, title in _PARTS.items():
        values = run.get("settings", {}).get(part, {})
        present = [each for each in settings_of(part) if each.name in values]
        if rows := [(each.label, _setting_text(each, values[each.name])) for each in present]:
            yield title, rows
    if matching := list(_matching_rows(about)):
        yield "How people were matched across cameras", matching
    if regions := [(camera, _region_text(content)) for camera, content in run.get("regions", {}).items()]:
        yield "Regions in which people count", regions
    if models := [row for kind, model in models_of(about).items() for row in _model_rows(kind, model)]:
        yield "Models", models
    if versions := [(name, str(version)) for name, version in run.get("versions", {}).items()]:
        yield "Versions of libraries and stages", versions


def models_of(about: Mapping[str, Any]) -> dict[str, Any]:
    """The models of the run by kind, and the one that found heads for the export."""
    heads = {HEAD_MODEL: about[HEAD_MODEL]} if HEAD_MODEL in about else {}
    return {**about.get("run", {}).get("models", {}), **heads}


def _setting_text(setting: Setting, value: Any) -> str:
    return setting.format(value) + (_UNITS.get(setting.key, "") if value else "")


def _matching_rows(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    matching, choice = about.get("matching", {}), about.get("choice", {})
    if "threshold" in matching:
        source = "suggested by the clips" if choice.get("threshold") is None else "set by hand"
        yield "Similarity threshold", f"{matching['threshold']:.2f}, {source}"
    if matching.get("words"):
        yield "Expected errors", matching["words"]
    if "looks_only" in choice:
        yield "Where people stood", "ignored" if choice["looks_only"] else "taken into account where cameras overlap"
    for camera, other_camera, seconds in choice.get("travel", ()):
        yield f"Shortest time between {camera} and {other_camera}", f"{seconds:g} s"
    for each in about.get("same_ground", ()):
        shift = each["clock_of_the_second_forward_seconds"]
        first, second = each["cameras"]
        clocks = f"; by the people there, {second} begins {shift:g} s later than its clock says" if shift else ""
        yield f"{first} and {second}", f"see the same ground{clocks}"
    if count := len(choice.get("links", ())):
        yield "Decisions made by hand", f"{count}, all of them in manifest.json"


def _region_text(content: Mapping[str, Any]) -> str:
    shapes = content.get("regions", ())
    outside = sum(each.get("mode") == "exclude" for each in shapes)
    point = {"foot": "the feet", "centre": "the middle of the box"}.get(content.get("anchor", ""), "a point of the box")
    counts = [f"{len(shapes) - outside} to include", f"{outside} to exclude"]
    return f"{', '.join(counts)}; {point} must lie inside"


def _model_rows(kind: str, model: Any) -> Iterator[tuple[str, str]]:
    name = MODELS.get(kind, kind)
    if not isinstance(model, Mapping):
        yield name, str(model)
        return
    ran = model.get("by") or ", ".join(filter(None, (model.get("runtime"), model.get("precision"))))
    yield name, f"{model.get('name', 'unknown')}{f', run by {ran}' if ran else ''}"
    yield f"{name}, SHA-256", str(model.get("sha256", "")) or "unknown"
    yield f"{name}, trained on", str(model.get("trained_on", "")) or "unknown"
