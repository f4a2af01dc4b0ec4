"""Cases: what a user is working on, kept on disk: clips, regions, settings, the current run, decisions.

    <data>/cases/<key>/case.json     clips with their names, times and regions; settings; run; threshold
                        review.json   decisions, with those that were undone; written by core.review
                        tracks/       the tracks that decisions and people's numbers are about, by digest
                        log.jsonl, log_texts.jsonl   the log: a chained entry for each action, and what it says
                        log.txt       what version 0.1.0 logged

Every change is on disk at once, complete or not at all.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
