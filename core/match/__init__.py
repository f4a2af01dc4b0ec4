"""The same person, across cameras: which tracklets are one, at which threshold, and how sure that is."""
