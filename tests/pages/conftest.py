"""Every test of the pages has a cache, a folder of footage and services of its own."""

import functools
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner

from core.workspace import serve_with
from core.workspace.jobs import processes

# Streamlit looks through all installed packages for components with every page that is drawn headless: half a second,
# in which a server would find the same each time.
INSTALLED = functools.cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(autouse=True)
def own_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of footage. Streamlit's word on calls outside a session is about these tests, not about the pages.

    The Run page measures no models: that would go on, with all processors, beside the tests that follow.
    """
    footage = tmp_path / "footage"
    footage.mkdir()
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(footage))
    monkeypatch.setattr(processes, "MEASURE", (sys.executable, "-c", "pass"))
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", INSTALLED)
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").setLevel(logging.ERROR)
    serve_with(None)
    st.cache_data.clear()
    yield footage
    serve_with(None)
