"""From tracks of several cameras to people: what is known of each tracklet, kept in the run's folder, and who is who.

    DIR/tracklets.npz         each track's look, colours, times and walk, the same of each of its crops, and which
                              cameras see the same ground
    DIR/crops/<camera>/*.jpg  the crops, heads as they are: for this machine, not for handing out
    DIR/people.csv            camera,track,person,start_s,end_s,similarity,status
    DIR/candidates.csv        who else each track may be: the most similar ones of other people, and the two crops
    DIR/similarity.npz        similarity and why (n, n), camera, track and person (n,); between (k, k) the people (k,);
                              threshold, and about: how it was made, as JSON text
    DIR/map.npz               where the looks of the tracks lie on one plane, once somebody has asked for it
    DIR/cut/<camera>.txt      MOT text of a camera in which a track was cut by hand; tracks/ stays as it was found
    DIR/gallery.zip           what can be handed out

Owns these files. Runs no network but on pictures that somebody brings: all of it can be made again at another threshold
from the first two.
"""

from core.people.bringing import bring, look_into
from core.people.deciding import (
    Choice,
    MatchedPeople,
    Way,
    about_people,
    decide,
    matched,
    people_of,
    people_with_candidates,
    to_go_by,
)
from core.people.evidence import Evidence, load_evidence
from core.people.filming import write_films
from core.people.flat import Plane, plane_of
from core.people.kept import Decided, known_of, load_people, model_of, of_people, similarity_npz, write_tables
from core.people.links import Link, cut_as_said, decisions_of, links_csv, read_links
from core.people.matrices import between_csv
from core.people.names import Name, names_csv, read_names
from core.people.pairs import Pair, pair_of_people, pair_of_tracks
from core.people.query import Answer, Photo, candidates, look_at, read_photo
from core.people.views import collect
from core.people.writing import ExportOptions, tracks_zip, with_reason, write_people

__all__ = [
    "Answer",
    "Choice",
    "Decided",
    "Evidence",
    "ExportOptions",
    "Link",
    "MatchedPeople",
    "Name",
    "Pair",
    "Photo",
    "Plane",
    "Way",
    "about_people",
    "between_csv",
    "bring",
    "candidates",
    "collect",
    "cut_as_said",
    "decide",
    "decisions_of",
    "known_of",
    "links_csv",
    "load_evidence",
    "load_people",
    "look_at",
    "look_into",
    "matched",
    "model_of",
    "names_csv",
    "of_people",
    "pair_of_people",
    "pair_of_tracks",
    "people_of",
    "people_with_candidates",
    "plane_of",
    "read_links",
    "read_names",
    "read_photo",
    "similarity_npz",
    "to_go_by",
    "tracks_zip",
    "with_reason",
    "write_films",
    "write_people",
    "write_tables",
]
