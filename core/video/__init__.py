"""The video room: what a clip is (`probe`, `digest`), which frames are analysed (`plan`), and their pictures (`read`).

Frame numbers are always the source's own; time comes from the container, never from a frame rate.
"""

from core.video.digests import digest
from core.video.planning import plan
from core.video.probing import probe
from core.video.reading import Picture, Reader, read

__all__ = ["Picture", "Reader", "digest", "plan", "probe", "read"]
