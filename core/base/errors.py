"""What can go wrong in a way that a user can mend: one short tree, message and remedy together.

Doors (command line, pages) catch `SightlineError` and show `str(error)`; anything else is a bug
and keeps its traceback. Misuse by a programmer raises `ValueError` and does not belong here."""


class SightlineError(Exception):
    """Something the user can mend. `message` says what is wrong, `remedy` what to do next."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message.rstrip('.')}. {self.remedy}" if self.remedy else self.message


class ClipError(SightlineError):
    """A clip that cannot be read: missing, empty, not a video, no frames, no codec."""


class RegionError(SightlineError):
    """A region file or drawing that means nothing: too few points, unknown kind, bad numbers."""


class WeightsError(SightlineError):
    """Weights that are missing, changed (digest), or of a kind that does not fit."""


class BackendError(SightlineError):
    """A device or runtime that was asked for and is not there."""


class SettingsError(SightlineError):
    """A setting outside its range, or two that contradict each other."""


class StoreError(SightlineError):
    """The cache or an output folder cannot be written or read (full disk, no permission)."""


class TruthError(SightlineError):
    """A MOT text file that cannot be read as truth or result."""


class Cancelled(Exception):
    """The user asked to stop. Not an error: what was done so far is kept."""
