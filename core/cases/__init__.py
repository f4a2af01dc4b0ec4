"""Cases: what somebody is working on, kept on disk: clips, regions, settings, the run shown, what was decided.

    <cache>/cases/<key>/case.json     clips with their names, times and regions; settings; run; threshold
                        review.json   what was decided, with what was taken back: core.review owns its content
                        log.txt       who did what when: a line for each action

Owns the nouns, the folder, the back-up and the erasure; every change is on disk at
once, whole or not at all. Refuses to run, match or show.
"""

from core.cases.backup import back_up
from core.cases.case import Case, CaseClip, Plan
from core.cases.erasing import Erasure, erase, what_goes
from core.cases.keeping import Cases
from core.cases.restoring import restore

__all__ = ["Case", "CaseClip", "Cases", "Erasure", "Plan", "back_up", "erase", "restore", "what_goes"]
