"""README.txt: what is in the zip, what it means, and how to make it again."""

from __future__ import annotations

from core.gallery.naming import counted
from core.gallery.sightings import Gallery

_TEXT = """\
Sightline: who was seen
=======================

{found}

THE MATCHES ARE CANDIDATES UNTIL A PERSON CONFIRMS THEM. The program found people who look alike; only somebody who
compares the pictures can say whether two sightings show the same person. {heads}

What is in it
-------------
report.html            the people with pictures, times, colours and similarity; opens in any browser, prints, needs no
                       network
contact_sheet.jpg      a row per person (contact_sheet_2.jpg and so on when there are many)
people/P003/           the pictures of person 3: camera, clip time (hours-minutes-seconds), track
sightings.csv          a row per sighting: camera, track, person, start_s and end_s (seconds of the clip), similarity
                       (up to 1; empty for somebody alone), status, colours of upper and lower body
sightings.parquet      the same for programs
tracks/<camera>.txt    every box of every track: frame (from 1), track, left, top, width, height in pixels of the clip,
                       confidence, and three columns that are -1 (MOT text)
manifest.json          how it was made, and the sha256 of every other file

Status: alone (nobody like them was found), candidate (a match that the program proposes), doubtful (one that it
doubts), confirmed (a person has looked and agreed).

How to check it
---------------
Compare the sha256 of each file with the one in manifest.json. Somebody who changes a file could change the manifest
too: keep the sha256 of the whole zip elsewhere.

How to make it again
--------------------
manifest.json names the clips with their digests, the models with theirs, the settings, and the versions of the
program and its parts. With the same clips, models and versions, run

    python -m core run CLIP... --out DIR

with these settings (python -m core run --help names them all). The same clips and settings give the same files;
only the date in manifest.json differs.
"""
_HEADS = {
    True: "Heads are blurred\nwherever the program takes them to be; other people in the background may not be.",
    False: "Heads are not blurred in\nthis export: faces may be seen.",
}


def readme(gallery: Gallery, blur: bool) -> str:
    people, cameras = len(gallery.by_person()), len(gallery.cameras)
    counts = (counted(people, "person", "people"), counted(len(gallery.sightings), "sighting", "sightings"))
    found = f"{counts[0]}, {counts[1]}, {counted(cameras, 'camera', 'cameras')}." if people else "Nobody was found."
    return _TEXT.format(found=found, heads=_HEADS[blur])
