"""Whatever a file or an address holds: it is read, or refused with a `SightlineError`; never another exception.

`make fuzz` gives each reader ten minutes (SIGHTLINE_FUZZ_SECONDS=600), the other tests a moment. Examples are spoilt in
the way of their kind: bytes changed, cut out and repeated, values of JSON exchanged for others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from core.base.errors import SightlineError
from core.workspace import serve_with
from tests.fuzz.readers import Reader, readers
from tests.pages.making import asked

SECONDS = float(os.environ.get("SIGHTLINE_FUZZ_SECONDS", "2"))
ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 700_000_000
NAMES = (
    *("regions", "moment", "file name", "picture", "settings", "list of recordings", "links"),
    *("names", "numbers", "MOT text", "detections", "run.json", "job.json", "status.json", "tracklets.npz"),
    *("similarity.npz", "people.csv", "tracks.parquet", "frames.parquet", "case", "review.json", "back-up", "manifest"),
    "recording",
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 4 * SECONDS)]
ODD_TEXTS = ("", "../../x", "\0", "NaN", "-1", "9" * 400, "1e999", "١٢", "a" * 5000, "=1+1", "\ud800", "[" * 2000)
ODD_VALUES = (None, True, -1, 0, 2**53, 10**30, 1e308, -0.0, *ODD_TEXTS, [], {}, [[]], {"": None})
PIECES = [
    b"\0",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"[",
    b'"',
    b",",
    b"\n",
    b"9" * 30,
    b"nan",
    b"-",
    b"../",
    b"\xed\xa0\x80",
]


@pytest.fixture(scope="module")
def all_readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Reader]]:
    folder = tmp_path_factory.mktemp("fuzz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_CACHE", str(folder / "cache"))
        patch.setenv("SIGHTLINE_FOOTAGE", str(folder))
        serve_with(None)
        (folder / "files").mkdir()
        yield readers(folder / "files")
        serve_with(None)


def spoilt(examples: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Examples with a few changes, and bytes that were never any."""
    kinds = [st.binary(max_size=2000), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))]
    for example in examples:
        kinds += [_edited(example)] * 2
        if example[:1] == b"{":
            kinds += [_exchanged(json.loads(example))] * 3
    return st.one_of(kinds)


@st.composite
def _edited(draw: st.DrawFn, example: bytes) -> bytes:
    content = bytearray(example)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        end = at + draw(st.sampled_from((0, 0, 1, 1, 2, 4, 8, 100, 10_000)))
        content[at:end] = draw(
            st.one_of(st.sampled_from(PIECES), st.binary(max_size=8), st.just(bytes(content[at:end]) * 3))
        )
    return bytes(content)


@st.composite
def _exchanged(draw: st.DrawFn, content: Any) -> bytes:
    """The JSON with some values exchanged for others, left out or repeated."""
    changed = json.loads(json.dumps(content))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = changed
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            if draw(st.integers(0, 4)):
                place[key] = draw(st.sampled_from(ODD_VALUES))
            else:
                del place[key]
            break
    return json.dumps(changed).encode("utf-8", "replace")


def for_a_while(strategy: st.SearchStrategy[Any], check: Callable[[Any], None]) -> None:
    """Examples of the strategy, until the time is over; the same ones each time."""
    until, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < until:

        @seed(number)
        @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(strategy)
        def run(example: Any) -> None:
            if time.monotonic() < until:
                check(example)

        run()
        number += 1


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_reads_or_refuses(all_readers: dict[str, Reader], name: str) -> None:
    reader = all_readers[name]
    before = psutil.Process().memory_info().rss

    def check(content: bytes) -> None:
        with warnings.catch_warnings():
            # A library may say what it thinks of a file; that is no exception.
            warnings.simplefilter("ignore")
            try:
                reader.read(content)
            except SightlineError as fault:
                assert fault.message

    for example in reader.examples:
        check(example)
    for_a_while(spoilt(reader.examples), check)
    assert psutil.Process().memory_info().rss < before + MOST_BYTES


def test_no_reader_is_left_out(all_readers: dict[str, Reader]) -> None:
    assert set(all_readers) == set(NAMES)


PART = st.one_of(
    st.sampled_from(("..", "%2e%2e", "%00", "a", "0" * 32, "%", "x.jpg", "%ff", "1e9", "~")), st.text(max_size=20)
)


def test_routes_answer_or_refuse(all_readers: dict[str, Reader]) -> None:
    """Any path below any route; any query."""
    from urllib.parse import quote

    from app import ROUTES

    heads = sorted({route.path.split("/")[1] for route in ROUTES})  # type: ignore[attr-defined]

    @st.composite
    def addresses(draw: st.DrawFn) -> tuple[str, str]:
        parts = draw(st.lists(PART, max_size=4))
        address = "/".join(["", draw(st.sampled_from(heads)), *(quote(part, safe="%") for part in parts)])
        query = draw(st.text(max_size=30))
        return draw(st.sampled_from(("GET", "GET", "HEAD", "POST", "PUT"))), f"{address}?{quote(query, safe='=&%')}"

    def check(request: tuple[str, str]) -> None:
        method, address = request
        assert asked(ROUTES, address, method).status_code < 500, request

    for_a_while(addresses(), check)


@pytest.mark.skipif(sys.platform != "linux", reason="atheris is for Linux")
@pytest.mark.parametrize("name", ["file name", "moment", "regions"])
def test_guided_by_coverage(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    command = [sys.executable, "-m", "tests.fuzz.guided", name, str(max(1, round(SECONDS))), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
