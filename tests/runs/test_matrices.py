"""The similarities as files: the numbers that matching has, and how they were made."""

import csv
import io
import json

import numpy as np

from core.export import similarity_csv
from core.runs import people_similarity, similarity_npz
from core.vision.match import match
from core.vision.models import EmbedderPrior
from tests.review.making import made

KNOWN = EmbedderPrior(impostor_mean=0.3, impostor_spread=0.2, threshold=0.5)
ABOUT = {"models": {"embedder": {"name": "looks"}}, "settings": {"fps": 5}}


def test_the_table_has_everybody_with_everybody() -> None:
    evidence = made(2, 3, 5, 2, 10, noise=0.1)
    found = match(evidence.tracklets, KNOWN, 0.5)
    people, alike = people_similarity(found)
    text = similarity_csv(found, {int(people[1]): "=1+1"}, ABOUT)
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("#")][1:] == [
        "# people as they are at the threshold 0.5000",
        '# models: {"embedder": {"name": "looks"}}',
        '# settings: {"fps": 5}',
    ]
    head, *rows = csv.reader(io.StringIO("\n".join(line for line in lines if not line.startswith("#"))))
    assert head == ["person", "name", *(f"P{number:03d}" for number in people)]
    assert [row[0] for row in rows] == head[2:]
    assert rows[1][1] == "'=1+1"  # no spreadsheet takes it for a formula
    cells = np.array([[float(cell or "nan") for cell in row[2:]] for row in rows])
    np.testing.assert_allclose(cells, alike, atol=6e-5)
    assert np.isnan(cells).any(), "one of five tracks of three people is alone"


def test_the_arrays_say_how_they_were_made() -> None:
    evidence = made(2, 3, 5, 2, 10)
    found = match(evidence.tracklets, KNOWN, 0.5)
    with np.load(io.BytesIO(similarity_npz(evidence, found, ABOUT)), allow_pickle=False) as held:
        assert json.loads(str(held["about"])) == ABOUT and float(held["threshold"]) == 0.5
        np.testing.assert_array_equal(held["similarity"], found.similarity)
        np.testing.assert_array_equal(held["person"], found.people().person)
        assert held["camera"].tolist() == [evidence.cameras[camera] for camera in evidence.tracklets.camera]
