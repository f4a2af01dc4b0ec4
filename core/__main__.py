"""`python -m core ...`: the command line."""

import sys

from core.errors import SightlineError
from core.system import require_opencv


def main() -> int:
    try:
        require_opencv()
    except SightlineError as fault:
        sys.stderr.write(f"sightline: {fault}\n")
        return 2
    from core.cli import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
