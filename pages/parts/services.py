"""What all pages and sessions of this server share: cases, jobs, films and exports. Tests hand in their own."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.cases import Cases
from core.jobs import Exports, Jobs, Trials
from core.video.proxy import Proxies


@dataclass
class Services:
    cases: Cases = field(default_factory=Cases)
    jobs: Jobs = field(default_factory=Jobs)
    proxies: Proxies = field(default_factory=Proxies)
    exports: Exports = field(default_factory=Exports)
    trials: Trials = field(default_factory=Trials)


_now: list[Services] = []


def services() -> Services:
    if not _now:
        _now.append(Services())
    return _now[0]


def serve_with(other: Services | None) -> None:
    """Use these from now on; with None, make new ones when they are next asked for."""
    _now[:] = [] if other is None else [other]
