"""The log in an export, its signature, and the zip around its files: each changed byte is named."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path

import pytest

from core.cli import main
from core.export import (
    ChangedError,
    compare_exports,
    is_packed_alike,
    new_key,
    sign_zip,
    signature_file,
    verify_signature,
    verify_zip,
    write_zip,
)
from core.machine.paths import data_dir
from core.workspace.cases import Cases
from tests.export.making import mot, rewritten, some, unpacked

CROP = "people/P002/cam1_00-00-20.0_t0004.jpg"
SECRET = "four words of a passphrase"


@pytest.fixture
def cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cases:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    return Cases()


@pytest.fixture
def key(cases: Cases) -> str:
    case = cases.new("Shop")
    cases.log(case.key, "named P001 Ana", "decision")
    return case.key


@pytest.fixture
def path(cases: Cases, key: str, tmp_path: Path) -> Path:
    write_zip(some(), mot(tmp_path), tmp_path / "g.zip", log=cases.log_files(key))
    return tmp_path / "g.zip"


def verified(path: Path | str, capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, str]:
    status = main(["verify", str(path), *flags])
    found = capsys.readouterr()
    return status, found.out + found.err


def test_the_log_and_its_head_are_in_the_zip(
    cases: Cases, key: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head, content = cases.read_log(key).head, unpacked(path)
    assert verify_zip(path).log == head and head.entry == 2
    assert "entry 2" in (words := content["README.txt"].decode()) and head.hash in words and "log.csv" in words
    rows = content["log.csv"].decode().splitlines()
    assert rows[0] == "when,who,what,kind,entry" and rows[2].endswith(",named P001 Ana,decision,2")
    status, said = verified(path, capsys)
    assert status == 0 and f"log: 2 entries verified; the hash of the last is {head.hash}" in said
    assert "not signed" in said
    assert main(["gallery", "--check", str(path)]) == 0


def test_the_same_gallery_and_log_give_the_same_bytes(cases: Cases, key: str, path: Path, tmp_path: Path) -> None:
    write_zip(some(), mot(tmp_path), tmp_path / "again.zip", log=cases.log_files(key))
    assert (tmp_path / "again.zip").read_bytes() == path.read_bytes()


def test_a_repeated_run_need_not_have_the_log(path: Path, tmp_path: Path) -> None:
    """It is the same run, though only the app's export has the log of a case."""
    write_zip(some(), mot(tmp_path), tmp_path / "repeated.zip")
    found = compare_exports(verify_zip(path), verify_zip(tmp_path / "repeated.zip"))
    assert found.is_reproduced and found.names == ()
    write_zip(some(people={1: "Ana"}), mot(tmp_path), tmp_path / "renamed.zip")
    assert not compare_exports(verify_zip(path), verify_zip(tmp_path / "renamed.zip")).is_reproduced


def test_a_zip_without_a_log_is_as_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_zip(some(), mot(tmp_path), tmp_path / "g.zip")
    content = unpacked(tmp_path / "g.zip")
    assert b'"log"' not in content["manifest.json"] and b"log.csv" not in content["README.txt"]
    status, said = verified(tmp_path / "g.zip", capsys)
    assert status == 0 and "log:" not in said


def test_a_zip_of_an_earlier_version_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its manifest was compressed, and had no digest of the bytes before it."""
    monkeypatch.setattr("core.export.zip._STORED", (".jpg",))
    monkeypatch.setattr("core.export.zip._sha256_of_start", lambda path, size: "")
    write_zip(some(), mot(tmp_path), tmp_path / "g.zip")
    assert verified(tmp_path / "g.zip", capsys)[0] == 0


@pytest.mark.parametrize("name", ["log.jsonl", "log_texts.jsonl", "log.csv", "sightings.csv", CROP])
def test_a_changed_file_is_named(path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray(unpacked(path)[name])
    content[len(content) // 2] ^= 1
    rewritten(path, {name: bytes(content)})
    status, said = verified(path, capsys)
    assert status == 1 and f"changed: {name}" in said


def with_log(path: Path, change: dict[str, bytes]) -> None:
    """The zip with another log, and the manifest made to fit: as somebody does who knows how it is verified."""
    manifest = json.loads(unpacked(path)["manifest.json"])
    for entry in manifest["entries"]:
        if entry["name"] in change:
            entry["sha256"] = hashlib.sha256(change[entry["name"]]).hexdigest()
    rewritten(path, {**change, "manifest.json": json.dumps(manifest).encode()})


def test_a_log_that_was_changed_together_with_the_manifest_is_named(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = unpacked(path)
    with_log(path, {"log_texts.jsonl": content["log_texts.jsonl"].replace(b"Ana", b"Eva")})
    status, said = verified(path, capsys)
    assert status == 1 and "broken: entry 2 has another text than it was written with" in said


def test_a_log_that_ends_elsewhere_is_named(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = unpacked(path)
    with_log(path, {name: content[name].splitlines(True)[0] for name in ("log.jsonl", "log_texts.jsonl")})
    status, said = verified(path, capsys)
    assert status == 1 and "does not end with the entry that manifest.json names" in said


def test_any_changed_byte_of_a_zip_is_named(
    cases: Cases, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "small.zip"
    write_zip(some(), {}, path, log=cases.log_files(key))
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        start = archive.start_dir
        headers = {at for info in archive.infolist()[:1] for at in range(info.header_offset, info.header_offset + 50)}
    places = {*headers, *range(0, len(content), len(content) // 25), *range(start, start + 60)}
    for at in sorted({*places, *range(len(content) - 22, len(content))}):
        changed = bytearray(content)
        changed[at] ^= 1
        path.write_bytes(changed)
        assert main(["verify", str(path)]) in (1, 2), at
    capsys.readouterr()
    path.write_bytes(content + b"\0")
    assert main(["verify", str(path)]) != 0
    path.write_bytes(content)
    assert main(["verify", str(path)]) == 0


def test_files_that_were_packed_anew_are_said_to_be_the_same(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert is_packed_alike(path, verify_zip(path))
    rewritten(path, {})
    status, said = verified(path, capsys)
    assert status == 1 and "the files in g.zip are unchanged, but not the zip around them" in said


@pytest.fixture
def signed(path: Path) -> Path:
    new_key(SECRET)
    sign_zip(path, SECRET)
    return path


def test_a_key_is_for_its_owner_and_never_without_a_passphrase(
    cases: Cases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "short").write_text("short\n")
    assert main(["sign", "--new-key", "--passphrase-file", str(tmp_path / "short")]) == 2
    assert main(["sign", "--public"]) == 2
    assert main(["sign", "--new-key", "--passphrase-file", str(tmp_path / "secret")]) == 0
    made = capsys.readouterr().out.split("fingerprint is ")[1].strip()
    assert re.fullmatch("([0-9a-f]{4} ?){8}", made)
    file = data_dir() / "signing-key.pem"
    assert file.stat().st_mode & 0o077 == 0 and file.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert main(["sign", "--public"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("-----BEGIN PUBLIC KEY-----") and made in shown and "PRIVATE" not in shown
    assert main(["sign", "--new-key", "--passphrase-file", str(tmp_path / "secret")]) == 2
    assert "there is a key already" in capsys.readouterr().err


def test_a_signature_says_whose_it_is(signed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = verified(signed, capsys)
    assert status == 0 and "which is your own key" in said
    main(["sign", "--public"])
    pem = capsys.readouterr().out.partition("fingerprint")[0]
    (tmp_path / "own.pem").write_text(pem)
    assert verified(signed, capsys, "--key", str(tmp_path / "own.pem"))[0] == 0
    for name in ("signing-key.pem", "signing-key.public.pem"):
        (data_dir() / name).unlink()
    assert "which is not your own key" in verified(signed, capsys)[1]
    new_key(SECRET)
    main(["sign", "--public"])
    (tmp_path / "new.pem").write_text(capsys.readouterr().out.partition("fingerprint")[0])
    status, said = verified(signed, capsys, "--key", str(tmp_path / "new.pem"))
    assert status == 1 and "signed by another key" in said
    signature_file(signed).unlink()
    status, said = verified(signed, capsys, "--key", str(tmp_path / "own.pem"))
    assert status == 1 and "there is no signature g.zip.sig" in said


def test_a_wrong_passphrase_signs_nothing(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new_key(SECRET)
    (tmp_path / "wrong").write_text("not the passphrase")
    assert main(["sign", str(path), "--passphrase-file", str(tmp_path / "wrong")]) == 2
    assert "passphrase is wrong" in capsys.readouterr().err and not signature_file(path).exists()


def test_every_changed_byte_of_a_signature_is_named(signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = signature_file(signed)
    content = file.read_bytes()
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 if at % 2 else 0x20
        file.write_bytes(changed)
        with pytest.raises(ChangedError, match="signature"):
            verify_signature(signed)


def test_a_zip_changed_after_it_was_signed_is_named(
    cases: Cases, key: str, signed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_zip(some(), mot(tmp_path), signed, log=cases.log_files(key), when="later")
    status, said = verified(signed, capsys)
    assert status == 1 and "g.zip was changed after it was signed" in said


def test_a_case_is_verified_by_key_or_name(cases: Cases, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    (cases.folder(key) / "log.txt").write_text("2026-01-01T00:00:00+0000 made: Shop\n")
    for name in (key, "Shop"):
        status, said = verified(name, capsys)
        assert status == 0 and "Shop: 2 entries verified" in said and "1 line is from before" in said
    texts = cases.folder(key) / "log_texts.jsonl"
    texts.write_bytes(texts.read_bytes().replace(b"Ana", b"Eva"))
    status, said = verified(key, capsys)
    assert status == 1 and "the log of Shop is broken: entry 2 has another text" in said
    (cases.folder(key) / "case.json").write_text("{")
    assert verified(key, capsys)[0] == 1 and verified("Shop", capsys)[0] == 2
    for _ in range(2):
        cases.new("Till")
    assert "Give the key" in verified("Till", capsys)[1]


def test_a_log_that_was_written_anew_shows_against_an_export(
    cases: Cases, key: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases.log(key, "export begun", "export")
    status, said = verified(key, capsys, "--against", str(path))
    assert status == 0 and "it goes on from the log in" in said
    for name in ("log.jsonl", "log_texts.jsonl"):
        (cases.folder(key) / name).unlink()
    for _ in range(3):
        cases.log(key, "nothing of note")
    assert verified(key, capsys)[0] == 0
    status, said = verified(key, capsys, "--against", str(path))
    assert status == 1 and "entry 2 has another hash than was recorded: the log was written anew" in said
