"""Which models are best for this machine, by the figures of the manifest: one detector and one embedder.

The manifest decides (`recommended`), so that a better model needs an entry there and no line of code."""

from __future__ import annotations

from core.machine.device import has_cuda
from core.vision.models.manifest import entries, safe_status
from core.vision.models.model import MachineKind, ModelKind, ModelStatus


def this_machine() -> MachineKind:
    return "gpu" if has_cuda() else "cpu"


def recommended(machine: MachineKind | None = None) -> list[ModelStatus]:
    """The best detector and the best embedder for a machine, this one unless named, and whether they are here."""
    machine = machine or this_machine()
    found: dict[ModelKind, ModelStatus] = {}
    for entry in entries().values():
        if machine in entry.model.recommended and entry.model.kind not in found:
            found[entry.model.kind] = safe_status(entry)
    return list(found.values())


def missing_recommended() -> list[ModelStatus]:
    """The recommended models that can be downloaded and are not here."""
    return [status for status in recommended() if status.state == "missing" and status.model.url]
