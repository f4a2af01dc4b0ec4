"""What is read from a run's record needs none of the files that the run had."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.base.errors import WeightsError
from core.runs import Networks, Recipe, RecordWriter, RunRecord, read_record, run_prior
from core.vision.models import DETECTOR, EMBEDDER, EmbedderPrior, find

OTHER = EmbedderPrior(impostor_mean=0.1, impostor_spread=0.2, threshold=0.61)


def recorded(folder: Path, known: EmbedderPrior | None, digest: str | None = None) -> RunRecord:
    """The record of a run whose embedder has `digest` and was known so."""
    model = find(EMBEDDER, "embedder")
    model = replace(model, prior=known, digest=digest or model.digest)
    RecordWriter(folder, Recipe(), Networks(find(DETECTOR, "detector"), model, "openvino"), {})
    return read_record(folder)


def written(folder: Path) -> dict[str, Any]:
    """What run.json says of the embedder."""
    return dict(json.loads((folder / "run.json").read_text())["models"]["embedder"])


def test_a_run_keeps_what_was_known_of_its_embedder(tmp_path: Path) -> None:
    record = recorded(tmp_path, OTHER, digest="0" * 64)
    assert written(tmp_path)["known"] == OTHER.to_dict()
    # The manifest knows no such file, and something else of the one that has the name now.
    assert run_prior(record) == OTHER


def test_a_clock_that_is_set_back_while_a_run_works_makes_it_no_shorter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = find(EMBEDDER, "embedder")
    record = RecordWriter(tmp_path, Recipe(), Networks(find(DETECTOR, "detector"), model, "openvino"), {})
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 3600)
    record._save("done")
    assert 0 <= json.loads((tmp_path / "run.json").read_text())["seconds"] < 60


def test_the_manifest_answers_for_an_older_run(tmp_path: Path) -> None:
    record = recorded(tmp_path, None)
    assert "known" not in written(tmp_path)
    assert run_prior(record) == find(EMBEDDER, "embedder").prior is not None


def test_nothing_is_known_of_a_strange_embedder_and_a_run_without_one_is_refused(tmp_path: Path) -> None:
    assert run_prior(recorded(tmp_path, None, digest="0" * 64)) is None
    with pytest.raises(WeightsError, match="motion alone"):
        run_prior(RunRecord(models={"embedder": "none: matched on motion alone"}))
