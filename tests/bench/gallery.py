"""`python -m tests.bench.gallery`: the gallery in Chromium, of 40 people by 4 cameras and of 2,000 tracklets.

For each: seconds to the first person on screen; milliseconds from a key on the slider to the last paint that it causes,
by the browser's own clock (Event Timing); and states a second while the slider is dragged.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import PROGRAM, enter, serving
from tests.review.making import big_case

KEYS = 40
DRAG_SECONDS = 3
LISTEN = """() => {
  window.spent = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.name === "keydown") window.spent.push(entry.duration);
  }).observe({ type: "event", durationThreshold: 16 });
}"""
# As a hand would: each state is another one, and the next one comes when this one is painted.
DRAG = """async (slider, seconds) => {
  const least = +slider.min, begin = performance.now();
  let states = 0;
  while (performance.now() - begin < 1000 * seconds) {
    slider.value = least + (1 - least) * (0.5 + 0.4 * Math.sin(states / 20));
    slider.dispatchEvent(new Event("input"));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    states++;
  }
  return states / seconds;
}"""


def measure(tab: Page, case: str) -> None:
    for visit in ("first visit", "once more"):
        began = time.perf_counter()
        tab.goto(f"/people?case={case}")
        tab.locator(".person img").first.wait_for()
        print(f"  first person, {visit}: {time.perf_counter() - began:.2f} s")
    tab.locator(".person .status").first.wait_for()
    tab.wait_for_timeout(1500)
    tab.evaluate(LISTEN)
    slider = tab.get_by_role("slider")
    slider.focus()
    for number in range(KEYS):
        tab.keyboard.press("ArrowLeft" if number % 20 < 10 else "ArrowRight")
        tab.wait_for_timeout(150)
    # Shorter ones than 16 ms are not told.
    spent = [*tab.evaluate("window.spent"), *[16] * KEYS][:KEYS]
    print(f"  key to last paint: median {statistics.median(spent):.0f} ms, longest {max(spent):.0f} ms")
    print(f"  states a second while dragged: {slider.evaluate(DRAG, DRAG_SECONDS):.0f}")


def main() -> None:
    if PROGRAM is None:
        print("Chromium is not on this machine; nothing can be measured.")
        return
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("SIGHTLINE_CACHE", str(Path(name) / "cache"))
        patch.setenv("BROWSER", "true")
        cases = {
            "40 people by 4 cameras": big_case(4, 40, 160, 6),
            "2,000 tracklets of 200 people by 6 cameras": big_case(6, 200, 2000, 8),
        }
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox", "--disable-gpu"])
        with serving(Path(name) / "log") as address:
            for words, case in cases.items():
                print(f"{words} (load {os.getloadavg()[0]:.1f}):")
                tab = browser.new_page(base_url=address, viewport={"width": 1440, "height": 900})
                enter(tab, address)
                measure(tab, case.key)
                tab.close()
        browser.close()


if __name__ == "__main__":
    main()
