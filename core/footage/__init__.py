"""Where clips come from: folders of this machine inside the one root that may be looked at, and uploads.

Owns that root (SIGHTLINE_FOOTAGE, else the user's home), the look into its folders, the place of uploads, and how much
room on the disk a clip takes. Refuses to judge whether a file is a video.
"""

from core.footage.folders import VIDEOS, Folder, footage_root, inside, look_into, permitted
from core.footage.room import FILM_BYTES, FINDINGS_BYTES, Room, free_bytes, room_for
from core.footage.uploads import Kept, Upload, receive, require_video_name
from core.types import PICTURES

__all__ = [
    "FILM_BYTES",
    "FINDINGS_BYTES",
    "PICTURES",
    "VIDEOS",
    "Folder",
    "Kept",
    "Room",
    "Upload",
    "footage_root",
    "free_bytes",
    "inside",
    "look_into",
    "permitted",
    "receive",
    "require_video_name",
    "room_for",
]
