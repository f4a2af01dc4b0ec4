"""README.txt: what is in the zip, what it means, and how to make it again."""

from __future__ import annotations

from core.gallery.naming import counted, one_line
from core.gallery.sightings import Gallery

_TEXT = """\
Sightline: who was seen
=======================

{found}
{purpose}
THE MATCHES ARE CANDIDATES UNTIL A PERSON CONFIRMS THEM. The program found people who look alike; only somebody who
compares the pictures can say whether two sightings show the same person. {heads}{reason}

What is in it
-------------
report.html            the people with pictures, times, colours and similarity; opens in any browser, prints, needs no
                       network
contact_sheet.jpg      a row per person (contact_sheet_2.jpg and so on when there are many)
people/P003/           the pictures of person 3: camera, clip time (hours-minutes-seconds), track
sightings.csv          a row per sighting: camera, track, person, start_s and end_s (seconds of the clip), similarity
                       (up to 1; empty for somebody alone), status, colours of upper and lower body, and the name and
                       the note that somebody typed for the person
sightings.parquet      the same for programs
candidates.csv         for each track the tracks of other people that look most like it, five at least that could be the
                       same person: similarity, margin (how much more alike its own person is), why the two cannot be
                       one person if anything forbids it, and which two of their pictures are most alike
tracks/<camera>.txt    every box of every track: frame (from 1), track, left, top, width, height in pixels of the clip,
                       confidence, and three columns that are -1 (MOT text)
manifest.json          how it was made, and the sha256 of every other file

Status: alone (nobody like them was found), candidate (a match that the program proposes), doubtful (one that it
doubts), confirmed (a person has looked and agreed).
{times}
How to check it
---------------
    python -m core gallery --check gallery.zip

compares the sha256 of each file with the one in manifest.json. Somebody who changes a file could change the manifest
too: keep the sha256 of the whole zip elsewhere.
{again}"""
_AGAIN = """
How to make it again
--------------------
With the clips and models that manifest.json names, and the same version of the program:

    {command}

Clips are recognised by their content, under whatever name; settings, regions and decisions are in manifest.json.
The command says at its end whether every file came out the same. Only the date in manifest.json differs.
"""
_UNTIMED = """
These pictures came without clips, and nobody knows when they were taken. p000012 in a name is the camera's twelfth
picture, in the order of their names; start_s and end_s are empty, and there is no tracks/. Two people who had a folder
each in one camera are two people here.
"""
_HEADS = {
    True: "Heads are blurred\nwherever the program takes them to be; other people in the background may not be.",
    False: "Heads are not blurred in\nthis export: faces may be seen.",
}


def readme(gallery: Gallery, blur: bool) -> str:
    people, cameras = len(gallery.by_person()), len(gallery.cameras)
    counts = (counted(people, "person", "people"), counted(len(gallery.sightings), "sighting", "sightings"))
    found = f"{counts[0]}, {counts[1]}, {counted(cameras, 'camera', 'cameras')}." if people else "Nobody was found."
    command = gallery.about.get("again")
    again = _AGAIN.format(command=command) if command else ""
    times = "" if gallery.timed else _UNTIMED
    purpose, reason = (one_line(str(gallery.about.get(name, ""))) for name in ("purpose", "heads_shown_because"))
    return _TEXT.format(
        found=found,
        purpose=f"Purpose: {purpose}\n" if purpose else "",
        heads=_HEADS[blur],
        reason=f"\nThe reason given: {reason}" if reason else "",
        times=times,
        again=again,
    )
