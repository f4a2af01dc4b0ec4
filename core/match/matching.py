"""All of matching in one call: tracklets, what the user said and perhaps a threshold in, people with evidence out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from core.match.calibrate import Calibration, calibrate
from core.match.people import Identities, identities
from core.match.rules import Decisions, Reasons, bundles, reasons
from core.match.similarity import cosines, lifted
from core.match.tree import MergeTree, grow
from core.types import Floats, Ints, Seconds, Tracklets
from core.weights import Known


@dataclass(frozen=True, eq=False)
class Match:
    """Everything that does not depend on the threshold, made once; `people` reads one threshold from it."""

    tracklets: Tracklets
    decisions: Decisions
    similarity: Floats
    why: Reasons
    bundle: Ints
    tree: MergeTree
    calibration: Calibration
    threshold: float

    def people(self) -> Identities:
        return self._people

    @cached_property
    def _people(self) -> Identities:
        return identities(self.tracklets, self.similarity, self.why, self.tree, self.threshold, self.bundle)

    def at(self, threshold: float) -> Match:
        return replace(self, threshold=threshold)


def match(
    tracklets: Tracklets,
    known: Known,
    cos: float | None = None,
    decisions: Decisions | None = None,
    travel: Seconds | None = None,
    apart: Floats | None = None,
) -> Match:
    """`cos` is the user's threshold; without it the one that the calibration suggests.

    `apart` (n, n) is how many body heights apart two cameras saw two at one moment; NaN where nobody knows.
    """
    said = decisions or Decisions()
    similarity, why = cosines(tracklets), reasons(tracklets, travel, said.different, apart)
    if apart is not None:
        similarity = lifted(similarity, apart)
    bundle = bundles(len(tracklets), said.same, why)
    tree = grow(similarity, why, bundle)
    calibration = calibrate(similarity, why, tree, known)
    threshold = calibration.threshold if cos is None else cos
    return Match(tracklets, said, similarity, why, bundle, tree, calibration, threshold)
