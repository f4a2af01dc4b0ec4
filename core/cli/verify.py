"""`verify CASE` or `verify ZIP`: follows a case's log, or compares an export with its manifest, log and signature.
`sign ZIP` writes a signature beside an export.
"""

from __future__ import annotations

import argparse
import getpass
import hashlib
import os
import sys
from pathlib import Path

from core.base.errors import SettingsError, StoreError
from core.base.text import format_count
from core.export import (
    ChangedError,
    fingerprint,
    is_own_key,
    is_packed_alike,
    new_key,
    public_key,
    sign_zip,
    signature_file,
    verify_log,
    verify_signature,
    verify_zip,
)
from core.machine.chain import Log
from core.workspace.cases import Cases

_PASSPHRASE = "SIGHTLINE_PASSPHRASE"


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("what", metavar="CASE|ZIP", help="the key or the name of a case, or the zip of an export")
    p.add_argument("--against", type=Path, metavar="ZIP", help="check that the case's log goes on from this export")
    p.add_argument("--key", type=Path, metavar="PEM", help="the export must be signed by this public key")
    p.set_defaults(run=run)


def add_sign_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("zip", nargs="?", type=Path, metavar="ZIP", help="write ZIP.sig beside this export")
    p.add_argument("--new-key", action="store_true", help="make your key, protected by a passphrase")
    p.add_argument("--public", action="store_true", help="show the public part of your key, and its fingerprint")
    p.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help=f"read the passphrase from this file instead of asking; {_PASSPHRASE} may hold it as well",
    )
    p.set_defaults(run=sign)


def run(options: argparse.Namespace) -> int:
    if Path(options.what).is_file():
        if options.against:
            raise SettingsError("--against is for a case", "Write: verify CASE --against ZIP.")
        return verify_export(Path(options.what), options.key)
    if options.key:
        raise SettingsError("--key is for an export", "Write: verify ZIP --key PEM.")
    return _verify_case(options.what, options.against)


def verify_export(path: Path, key: Path | None = None) -> int:
    """Verify an export and print its sha256; the exit status, 1 where something is not as it was written."""
    try:
        manifest = verify_zip(path)
        log = verify_log(path, manifest)
        if not is_packed_alike(path, manifest):
            raise ChangedError(
                f"the files in {path.name} are unchanged, but not the zip around them",
                "Somebody packed them anew, or changed bytes between the files.",
            )
        signature = verify_signature(path, _read_key(key) if key else "")
    except ChangedError as fault:
        sys.stderr.write(f"sightline: {fault}\n")
        return 1
    made = f"made by {manifest.program}" + (f" on {manifest.when}" if manifest.when else "")
    sys.stdout.write(f"{path}: {len(manifest.entries)} files have the sha256 that the manifest names; {made}\n")
    if log is not None:
        sys.stdout.write(f"log: {_log_state(log)}\n")
    if signature is not None:
        owner = "your own key" if is_own_key(signature) else "not your own key"
        sys.stdout.write(
            f"signed by {signature.fingerprint}, which is {owner}, on {signature.when} by {signature.who}\n"
        )
    else:
        sys.stdout.write("not signed\n")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    sys.stdout.write(f"sha256 of the zip, to be kept elsewhere: {sha256}\n")
    return 0


def _verify_case(name: str, against: Path | None) -> int:
    """Follow the log of a case; the exit status, 1 where it is broken."""
    cases = Cases()
    key, title = _find_case(cases, name)
    log, earlier = cases.read_log(key), len(cases.earlier_log(key))
    fault = log.fault
    if against and not fault:
        head = verify_zip(against).log
        if head is None:
            raise StoreError(f"{against.name} has no log of a case", "Name an export that the app has made.")
        fault = log.fault_against(head)
    if fault:
        sys.stderr.write(f"sightline: the log of {title} is broken: {fault.description}.\n")
        return 1
    sys.stdout.write(f"{title}: {_log_state(log)}\n")
    if against:
        sys.stdout.write(f"it goes on from the log in {against}\n")
    if earlier:
        lines = format_count(earlier, "line is", "lines are")
        sys.stdout.write(f"{lines} from before there was a chain, and cannot be verified\n")
    return 0


def _log_state(log: Log) -> str:
    erased = f", {len(log.erased)} of them erased" if log.erased else ""
    entries = format_count(len(log.rows), "entry", "entries")
    return f"{entries} verified{erased}; the hash of the last is {log.head.hash}"


def _find_case(cases: Cases, name: str) -> tuple[str, str]:
    """Key and name of the case; of one that cannot be read, only its key finds it."""
    found = [case for case in cases.all() if name in (case.key, case.name)]
    if len(found) == 1:
        return found[0].key, found[0].name
    if name in cases.keys():  # noqa: SIM118
        return name, name
    if found:
        raise SettingsError(
            f"{len(found)} cases are called {name}", f"Give the key: {', '.join(case.key for case in found)}."
        )
    raise StoreError(f"{name} is neither a file nor a case", "python -m core cases lists the cases.")


def _read_key(path: Path) -> str:
    try:
        pem = path.read_text(encoding="ascii")
    except (OSError, ValueError) as fault:
        raise StoreError(f"{path} cannot be read", "Give what sign --public shows.") from fault
    fingerprint(pem)
    return pem


def sign(options: argparse.Namespace) -> int:
    if sum(map(bool, (options.zip, options.new_key, options.public))) != 1:
        raise SettingsError("there is nothing to do, or too much", "Write: sign ZIP, sign --new-key or sign --public.")
    if options.new_key:
        made = new_key(_passphrase(options.passphrase_file, "Passphrase for the new key: ", twice=True))
        sys.stdout.write(f"your key is made; its fingerprint is {made}\n")
    elif options.public:
        pem = public_key()
        sys.stdout.write(f"{pem}fingerprint: {fingerprint(pem)}\n")
    else:
        verify_zip(options.zip)
        signature = sign_zip(options.zip, _passphrase(options.passphrase_file, "Passphrase: "))
        sys.stdout.write(f"{signature_file(options.zip)}: signed by {signature.fingerprint}\n")
    return 0


def _passphrase(file: Path | None, question: str, twice: bool = False) -> str:
    """The passphrase from a file, the environment, or the terminal."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as fault:
            raise StoreError(f"{file} cannot be read", "Name a text file with the passphrase in it.") from fault
    if given := os.environ.get(_PASSPHRASE):
        return given
    if not sys.stdin.isatty():
        raise SettingsError("there is no terminal to ask at", "Give --passphrase-file FILE.")
    answer = getpass.getpass(question)
    if twice and getpass.getpass("The same again: ") != answer:
        raise SettingsError("the two passphrases differ", "Begin again.")
    return answer
