"""A data folder that behaves as if it were on another disk than the cache folder around it."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def two_disks() -> Iterator[None]:
    """Renames into and out of the data folder fail."""
    data, rename = Path(os.environ["SIGHTLINE_CACHE"]) / "data", Path.rename

    def refuse(path: Path, new: Path) -> Path:
        if path.is_relative_to(data) != Path(new).is_relative_to(data):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(path, new)

    Path.rename = refuse  # type: ignore[assignment]
    try:
        yield
    finally:
        Path.rename = rename  # type: ignore[method-assign]
