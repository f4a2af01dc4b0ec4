"""A clip of 1.5 GB (or another size) dropped on the page in a real Chromium: seconds, memory of the server, digest.

    python -m tests.bench.upload [GB]

Needs Chromium; the file and its copy go into a temporary folder.
"""

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

from core.vision.video import digest
from core.workspace.cases import Cases
from tests.browser.conftest import PROGRAM, enter, serving
from tests.vision.video.making import write_clip


def large_clip(path: Path, size: int) -> Path:
    """A short film and then nothing, up to `size` bytes: players stop where the film does."""
    write_clip(path, range(250))
    with path.open("r+b") as file:
        file.truncate(size)
    return path


class Memory:
    """The most memory that a process holds while this runs, over what it held at the beginning."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self._stopped = process, threading.Event()
        self.first = self.peak = process.memory_info().rss
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self._stopped.wait(0.02):
            self.peak = max(self.peak, self._process.memory_info().rss)

    def stop(self) -> float:
        """Growth in megabytes."""
        self._stopped.set()
        return (self.peak - self.first) / 1e6


def main(size: int) -> None:
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        room = Path(name)
        os.environ.update(SIGHTLINE_CACHE=str(room / "cache"), SIGHTLINE_FOOTAGE=name, BROWSER="true")
        clip = large_clip(room / "large.mp4", size)
        case = Cases().new("upload")
        with serving(room / "log") as address:
            browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(base_url=address)
            enter(page, address)
            page.goto(f"/?case={case.key}")
            page.get_by_role("button", name="Choose files").wait_for()
            server = next(p for p in psutil.Process().children(recursive=True) if "streamlit" in p.cmdline())
            memory, began = Memory(server), time.perf_counter()
            page.locator("input[type=file]").first.set_input_files(clip)
            page.get_by_label("Uploads").get_by_text("added as large").wait_for(timeout=600_000)
            seconds, growth = time.perf_counter() - began, memory.stop()
            browser.close()
        (kept,) = Cases().load(case.key).clips
        right = kept.digest == digest(clip) and Path(kept.path).stat().st_size == size
        print(f"{size / 1e9:.2f} GB in {seconds:.1f} s, {growth:.0f} MB more in the server, digest right: {right}")


if __name__ == "__main__":
    main(round(float(sys.argv[1] if len(sys.argv) > 1 else 1.5) * 1e9))
