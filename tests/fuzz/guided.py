"""One reader, fed by atheris with what reaches new lines of it: python -m tests.fuzz.guided NAME SECONDS FOLDER"""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

_MOST_BYTES = 2 << 30


def main() -> None:
    import atheris

    name, seconds, folder = sys.argv[1:]
    with atheris.instrument_imports(include=["core"]):
        from core.base.errors import SightlineError
        from tests.fuzz.readers import texts
    reader = texts()[name]
    for number, example in enumerate(reader.examples):
        (Path(folder) / str(number)).write_bytes(example)

    def feed(content: bytes) -> None:
        with suppress(SightlineError):
            reader.read(content)

    # Not by libFuzzer, which counts what the process that started this one has used.
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))
    limits = [f"-max_total_time={seconds}", "-rss_limit_mb=0", "-timeout=20", f"-artifact_prefix={folder}/"]
    atheris.Setup([sys.argv[0], *limits, folder], feed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
