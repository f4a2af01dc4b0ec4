"""Cases: what somebody is working on, kept on disk: clips, regions, settings, the run shown, what was decided.

    <cache>/cases/<key>/case.json     clips with their names, times and regions; settings; run; threshold
                        review.json   what was decided, with what was taken back: core.review owns its content
                        log.txt       who did what when: a line for each action

Owns the nouns, the folder, the back-up and the erasure; every change is on disk at
once, whole or not at all. Refuses to run, match or show.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
