"""How fast this machine is: measured by finished runs, or by a trial of a few seconds; and how long a run will take.

    <cache>/speed/<name>.json    frames and seconds of one stage with one model at one size and rate

Owns the figures and what follows from them. Refuses to guess: what was never measured is unknown.
"""

from core.speed.expecting import STAGES, Expected, expect
from core.speed.noting import note, note_whole, whole_run
from core.speed.rates import Rates
from core.speed.trying import try_out

__all__ = ["STAGES", "Expected", "Rates", "expect", "note", "note_whole", "try_out", "whole_run"]
