"""`make bench`: how right and how fast it is, measured anew on this machine.

    python -m tests.bench                             everything
    python -m tests.bench pets room_hall              some parts
    python -m tests.bench --against ../older          before (the older checkout) beside after (this one)
    python -m tests.bench --before before.json        the same, with figures that --json has written earlier

The exit status is 1 where a figure of accuracy is not equal to the last digit, and where speed is below a floor. Speed
needs a quiet machine: two checkouts take turns, and ratios count. What needs the developers' footage (../shared) is
left out where that is missing.
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench.accuracy import SEEDS, pets, plaza_folder, plazas, plazas_summary, room_hall
from tests.bench.checkout import ROOT, SHARED, Checkout, Failed, Figures
from tests.bench.compared import below, differing, ratios, table
from tests.bench.heads import HEAD_SEEDS, heads

PARTS = ("pets", "plazas", "heads", "room_hall", "speed")
NEED_FOOTAGE = {"pets", "room_hall", "speed"}


def main(words: list[str]) -> int:
    options = parsed(words)
    parts = [part for part in options.parts if _possible(part)]
    with contextlib.ExitStack() as stack:
        room = options.room or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        after = Checkout(options.checkout, room / "after")
        before = Checkout(options.against.resolve(), room / "before") if options.against else None
        drawn = (options.drawn or room / "drawn").resolve()
        accuracy = [part for part in parts if part != "speed"]
        figures = gathered(measured(after, accuracy, drawn, options), options.json)
        earlier = loaded(options.before) if options.before else {}
        if before:
            earlier = gathered(measured(before, accuracy, drawn, options), None)
        compared = accuracy and (before or options.before)
        status = said(earlier, figures, groups(accuracy, options.seeds)) if compared else 0
        if "speed" in parts:
            status = max(status, speed(after, before, figures, options))
    return status


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, as they come in")
    parser.add_argument("--against", type=Path, metavar="DIR", help="measure this checkout too, as it was before")
    parser.add_argument("--before", type=Path, metavar="FILE", help="compare with figures that --json has written")
    parser.add_argument("--checkout", type=Path, default=ROOT, metavar="DIR", help="measure this one (the bench's own)")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), metavar="N", help="which plazas (0 to 9)")
    parser.add_argument("--drawn", type=Path, metavar="DIR", help="keep drawn plazas there, and take them from there")
    parser.add_argument("--room", type=Path, metavar="DIR", help="work there and leave everything (a temporary folder)")
    parser.add_argument("--features", metavar="NAME", help="another embedder for plazas and room_hall")
    parser.add_argument("--minutes", type=float, default=60, help="length of the film whose memory is measured (60)")
    options = parser.parse_args(words)
    options.parts = options.parts or list(PARTS)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}. Parts: {', '.join(PARTS)}.")
    if options.against and options.before:
        parser.error("--against measures what --before would read. Leave one out.")
    options.checkout = options.checkout.resolve()
    options.room = options.room.resolve() if options.room else None
    return options


def _possible(part: str) -> bool:
    there = part not in NEED_FOOTAGE or (SHARED / "data" / "README.md").is_file()
    if not there:
        print(f"{part}: left out, for the developers' footage (../shared) is not on this machine")
    return there


def measured(checkout: Checkout, parts: Iterable[str], drawn: Path, options: argparse.Namespace) -> Iterator[Figures]:
    """The figures of accuracy of a checkout, as they come in."""
    flags = ["--features", options.features] if options.features else []
    print(f"{checkout.folder}:", flush=True)
    for part in parts:
        if part == "pets":
            yield from pets(checkout)
        elif part == "plazas":
            yield from plazas(checkout, drawn, options.seeds, flags)
        elif part == "heads":
            seeds = [seed for seed in options.seeds if seed in HEAD_SEEDS]
            yield from heads(checkout, ((seed, plaza_folder(checkout, drawn, seed)) for seed in seeds))
        elif part == "room_hall":
            yield from room_hall(checkout, flags)


def gathered(found: Iterable[Figures], file: Path | None) -> Figures:
    """All figures together; said and written as they come in."""
    figures: Figures = {}
    for new in found:
        figures |= new
        figures |= plazas_summary(figures)
        for name, figure in new.items():
            print(f"  {name}: {figure}", flush=True)
        write(file, figures)
    for name, figure in plazas_summary(figures).items():
        print(f"  {name}: {figure}", flush=True)
    return figures


def write(file: Path | None, figures: Figures) -> None:
    if file:
        machine = {"cores": os.cpu_count(), "processor": platform.processor() or platform.machine()}
        content = {"machine": machine, "python": platform.python_version(), "figures": figures}
        file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def loaded(file: Path) -> Figures:
    return dict(json.loads(file.read_text(encoding="utf-8"))["figures"])


def groups(parts: Iterable[str], seeds: Iterable[int]) -> set[str]:
    """What the names of the figures begin with that were measured."""
    return {name for part in parts for name in ([f"plaza{seed}" for seed in seeds] if part == "plazas" else [part])}


def said(before: Figures, after: Figures, measured: set[str]) -> int:
    """Before and after in a table; 1 where a figure differs. What was measured before only is left out."""
    old, new = (_of(figures, measured) for figures in (before, after))
    names = differing(old, new)
    print(table(old, new, {**old, **new}))
    for name in names:
        print(f"differs: {name}: {old.get(name, '-')} before, {new.get(name, '-')} after")
    count = len({**old, **new})
    print(
        f"{len(names)} of {count} figures of accuracy differ" if names else f"all {count} figures of accuracy are equal"
    )
    return 1 if names else 0


def _of(figures: Figures, measured: set[str]) -> Figures:
    """The figures that were measured, with the plazas among them summed up anew."""
    found = {name: figure for name, figure in figures.items() if name.partition("/")[0] in measured}
    return {**found, **plazas_summary(found)}


def speed(after: Checkout, before: Checkout | None, figures: Figures, options: argparse.Namespace) -> int:
    """The speed of both in turns, and this checkout's against its floors."""
    from tests.bench.speed import FLOORS, chains, peers

    found = chains([checkout for checkout in (before, after) if checkout])
    mine = {**found[-1], **peers(after, options.minutes)}
    for name, figure in mine.items():
        print(f"  {name}: {float(figure):.4g}")
    if before:
        print(ratios(found[0], found[1]))
    write(options.json, {**figures, **mine})
    broken = list(below(mine, FLOORS))
    for sentence in broken:
        print(sentence)
    return 1 if broken else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failed as fault:
        sys.exit(str(fault))
