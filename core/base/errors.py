"""The errors that a user can do something about, each with a message and a remedy.

The command line and the pages catch `SightlineError` and show `str(error)`; any other exception is a bug and keeps its
traceback. Misuse by a programmer raises `ValueError` and has no class here."""


class SightlineError(Exception):
    """`message` says what is wrong, `remedy` what to do next."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message.rstrip('.')}. {self.remedy}" if self.remedy else self.message


class ClipError(SightlineError):
    """A clip that cannot be read: missing, empty, not a video, no frames, no codec."""


class RegionError(SightlineError):
    """An invalid region file or drawing: too few points, an unknown kind, bad numbers."""


class WeightsError(SightlineError):
    """Weights that are missing, differ from their digest, or belong to another kind of model."""


class BackendError(SightlineError):
    """A device or runtime that was requested but is not available."""


class SettingsError(SightlineError):
    """A setting outside its range, or two that contradict each other."""


class StoreError(SightlineError):
    """The cache or an output folder cannot be written or read (full disk, no permission)."""


class DamagedResultError(StoreError):
    """A stored result that was found damaged, and removed: whoever asks again gets it computed anew."""


class TruthError(SightlineError):
    """A MOT text file that cannot be read as ground truth or result."""


class Cancelled(Exception):
    """The user cancelled. Not an error: finished work is kept."""
