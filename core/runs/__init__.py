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

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
