"""From tracks of several cameras to people: what is known of each tracklet, kept in the run's folder, and who is who.

    DIR/tracklets.npz         each track's look, colours and times, and which crops it has
    DIR/crops/<camera>/*.jpg  the crops, heads as they are: for this machine, not for handing out
    DIR/people.csv            camera,track,person,start_s,end_s,similarity,status
    DIR/similarity.npz        similarity and why (n, n), camera and track (n,)
    DIR/gallery.zip           what can be handed out

Owns these files. Refuses to run networks: all of it can be made again at another threshold from the first two.
"""

from core.people.evidence import Evidence, collect, load_evidence
from core.people.links import read_links
from core.people.writing import people_of, write_people

__all__ = ["Evidence", "collect", "load_evidence", "people_of", "read_links", "write_people"]
