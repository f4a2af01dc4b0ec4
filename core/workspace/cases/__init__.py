"""Cases: what a user is working on, kept on disk: clips, regions, settings, the current run, decisions.

    <cache>/cases/<key>/case.json     clips with their names, times and regions; settings; run; threshold
                        review.json   decisions, with those that were undone; written by core.review
                        tracks/       the tracks that decisions and people's numbers are about, by digest
                        log.txt       the activity log: a line for each action

Every change is on disk at once, complete or not at all. A case can be backed up to one file and erased with all that
was made of its clips.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
