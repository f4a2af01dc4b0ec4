"""A headless Chromium driven over its DevTools socket: what pages said wrong and whom they asked is written down."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-port=0",
    # Names lead nowhere, so nothing can leave the machine even if a page asks for it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class Browser:
    """One tab. `errors` are console errors and exceptions, `asked` the addresses of all requests."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self.errors: list[str] = []
        self.asked: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") == number:
                return dict(message.get("result", {}))
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        about = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.asked.append(about["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(str(about["exceptionDetails"].get("exception", about)))
            case "Runtime.consoleAPICalled" if about["type"] == "error":
                self.errors.append(str(about["args"]))
            case "Log.entryAdded" if about["entry"]["level"] == "error":
                self.errors.append(f"{about['entry']['text']} {about['entry'].get('url', '')}")

    def open(self, address: str, width: int = 1440, height: int = 900) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=address)

    def read(self, script: str) -> Any:
        """The value of a JavaScript expression; nothing where it cannot be had yet."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return answer.get("result", {}).get("value")

    def wait(self, script: str, seconds: float = 30.0) -> Any:
        """Wait until the expression holds, and return its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.read(script):
                return value
            time.sleep(0.1)
        raise TimeoutError(f"never true: {script}; the page says: {self.read('document.body.innerText')}")


@contextmanager
def chromium(home: Path) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise FileNotFoundError("no Chromium is on this machine")
    child = subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={home}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        # A full second for the goodbye: what the page still has to say is of no more use.
        with connect(_tab(home), max_size=None, close_timeout=1) as socket:
            yield Browser(socket)
    finally:
        child.terminate()
        child.wait(20)


def _tab(home: Path) -> str:
    port_file = home / "DevToolsActivePort"
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if port_file.is_file() and (lines := port_file.read_text().splitlines()):
            tabs = httpx.get(f"http://127.0.0.1:{lines[0]}/json/list").json()
            if pages := [tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"]:
                return str(pages[0])
        time.sleep(0.1)
    raise TimeoutError("Chromium did not open its socket")
