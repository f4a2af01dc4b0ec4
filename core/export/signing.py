"""Signatures of exports: who holds a private key says that a zip is as it was when it was signed.

The key (ed25519) is in the data folder, encrypted with a passphrase that is stored nowhere; its public part lies beside
it and may be shown to everybody. A signature is a file of its own beside the zip, so that the same gallery always gives
the same zip. It covers the sha256 of the zip, the time, and who signed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.base.errors import SettingsError, StoreError
from core.export.verify import ChangedError
from core.machine.chain import time_with_zone, user_name
from core.machine.paths import data_dir, open_atomically, write_atomically
from core.machine.records import RecordFormat

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE_SUFFIX = ".sig"
_PRIVATE, _PUBLIC = "signing-key.pem", "signing-key.public.pem"
_ALGORITHM, _DOMAIN = "ed25519", "sightline signature of an export, 1"
_LEAST_CHARACTERS = 8
_MAX_BYTES = 1 << 16
_NO_SIGNATURE = "Ask for the signature again, or keep to the sha256 of the zip."


@dataclass(frozen=True, kw_only=True)
class Signature:
    """The signature of a zip, field by field as it is written; `signature` is in hexadecimal."""

    algorithm: str
    public_key: str
    fingerprint: str
    sha256: str
    when: str
    who: str
    signature: str


RECORD = RecordFormat(Signature, "signature", remedy=_NO_SIGNATURE)


def new_key(passphrase: str) -> str:
    """Make the key of this user, and return its fingerprint; `StoreError` if there is one already."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if len(passphrase) < _LEAST_CHARACTERS:
        raise SettingsError(
            "the passphrase is too short", f"Take at least {_LEAST_CHARACTERS} characters, better several words."
        )
    path = data_dir() / _PRIVATE
    if path.exists():
        raise StoreError(f"there is a key already, {path}", "Rename that file first, if you want another one.")
    key = Ed25519PrivateKey.generate()
    encryption = serialization.BestAvailableEncryption(passphrase.encode())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    write_atomically(data_dir() / _PUBLIC, _pem(key.public_key()).encode(), flush=True)
    write_atomically(path, pem, flush=True)
    return fingerprint(_pem(key.public_key()))


def has_key() -> bool:
    """Whether this user has a key."""
    return (data_dir() / _PRIVATE).is_file()


def public_key() -> str:
    """The public part of this user's key, as PEM; `StoreError` if there is none."""
    try:
        return (data_dir() / _PUBLIC).read_text(encoding="ascii")
    except (OSError, ValueError) as fault:
        raise StoreError("there is no key to sign with", "Make one: python -m core sign --new-key.") from fault


def fingerprint(pem: str) -> str:
    """A public key in short, to compare by eye or read out: the first half of the SHA-256 of its 32 bytes."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw = _parse_public(pem).public_bytes(Encoding.Raw, PublicFormat.Raw)
    digits = hashlib.sha256(raw).hexdigest()[:32]
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def sign_zip(path: Path, passphrase: str) -> Signature:
    """Sign the zip at `path`, and write the signature beside it."""
    key = _private_key(passphrase)
    pem = _pem(key.public_key())
    unsigned = Signature(
        algorithm=_ALGORITHM,
        public_key=pem,
        fingerprint=fingerprint(pem),
        sha256=_sha256(path),
        when=time_with_zone(),
        who=user_name(),
        signature="",
    )
    signature = Signature(**{**asdict(unsigned), "signature": key.sign(_message(unsigned)).hex()})
    with open_atomically(signature_file(path)) as file:
        file.write(RECORD.to_json(signature))
    return signature


def signature_file(path: Path) -> Path:
    """Where the signature of a zip lies: beside it."""
    return path.with_name(path.name + SIGNATURE_SUFFIX)


def verify_signature(path: Path, trusted: str = "") -> Signature | None:
    """The signature beside the zip at `path`, verified; None if there is none and no key is `trusted`.

    `ChangedError` if it is not a signature of this zip, or not by the `trusted` public key (PEM).
    """
    file = signature_file(path)
    try:
        content = file.read_bytes() if file.stat().st_size < _MAX_BYTES else b""
    except OSError as fault:
        if not trusted and isinstance(fault, FileNotFoundError):
            return None
        raise ChangedError(f"there is no signature {file.name} ({fault.strerror})", _NO_SIGNATURE) from fault
    try:
        signature = RECORD.parse(content)
        if RECORD.to_json(signature) != content or signature.algorithm != _ALGORITHM:
            raise ValueError("it is not as it was written")
        _check(signature)
    except (StoreError, ValueError) as fault:
        why = fault.message if isinstance(fault, StoreError) else fault
        raise ChangedError(f"the signature {file.name} was changed ({why})", _NO_SIGNATURE) from fault
    if signature.sha256 != _sha256(path):
        raise ChangedError(f"{path.name} was changed after it was signed, or another file was", _NO_SIGNATURE)
    if trusted and fingerprint(trusted) != signature.fingerprint:
        raise ChangedError(f"{path.name} is signed by another key, {signature.fingerprint}", "Ask who signed it.")
    return signature


def is_own_key(signature: Signature) -> bool:
    """Whether this user's key made the signature."""
    try:
        return signature.public_key == public_key()
    except StoreError:
        return False


def _check(signature: Signature) -> None:
    """`ValueError` if the signature does not fit its own fields."""
    from cryptography.exceptions import InvalidSignature

    public = _parse_public(signature.public_key)
    if _pem(public) != signature.public_key or fingerprint(signature.public_key) != signature.fingerprint:
        raise ValueError("the key is another one")
    raw = bytes.fromhex(signature.signature)
    if raw.hex() != signature.signature:
        raise ValueError("it is not as it was written")
    try:
        public.verify(raw, _message(signature))
    except InvalidSignature as fault:
        raise ValueError("it does not fit what it signs") from fault


def _message(signature: Signature) -> bytes:
    """What is signed: every field but the signature, after words that no other use of the key has."""
    fields = {name: value for name, value in asdict(signature).items() if name != "signature"}
    return json.dumps([_DOMAIN, fields], sort_keys=True, separators=(",", ":")).encode()


def _private_key(passphrase: str) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        pem = (data_dir() / _PRIVATE).read_bytes()
    except OSError as fault:
        raise StoreError("there is no key to sign with", "Make one: python -m core sign --new-key.") from fault
    try:
        key = load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError) as fault:
        raise SettingsError("the passphrase is wrong, or the key is damaged", "Type the passphrase again.") from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError(f"{_PRIVATE} is no ed25519 key", "Rename it, and make one: python -m core sign --new-key.")
    return key


def _parse_public(pem: str) -> Ed25519PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (UnsupportedAlgorithm, ValueError) as fault:
        raise StoreError("it is no public key in PEM form", "Give what sign --public shows.") from fault
    if not isinstance(key, Ed25519PublicKey):
        raise StoreError("it is no ed25519 key", "Give what sign --public shows.")
    return key


def _pem(key: Ed25519PublicKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise StoreError(f"{path} cannot be read ({fault.strerror})", "Check the name.") from fault
