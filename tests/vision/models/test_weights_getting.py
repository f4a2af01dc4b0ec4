"""Fetching weights, from a server on this machine that can be told to behave badly. Nothing here leaves the machine."""

import hashlib
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.base.errors import Cancelled, StoreError, WeightsError
from core.base.progress import Progress, Report
from core.cli import main
from core.cli.model_downloads import bytes_listener, list_offers, outcome
from core.vision.models import (
    MIRROR,
    WEIGHTS,
    Download,
    ManifestEntry,
    RemoteFile,
    add_pin,
    download_entry,
    download_model,
    downloadable,
    entries,
    find,
    has_begun,
    manifest,
    pins,
    statuses,
    transfer,
)
from tests.vision.models.serving import CONTENT, HOST, Server, serving, until

SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def undigested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the manifest of these tests no digest of yolo11n is known: pins are tested with it."""
    text = (WEIGHTS / "manifest.toml").read_text(encoding="utf-8")
    digest = entries()["yolo11n"].sha256
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "manifest.toml").write_text(text.replace(f'sha256 = "{digest}"\n', ""), encoding="utf-8")
    monkeypatch.setattr(manifest, "WEIGHTS", tmp_path / "program")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder, not made yet."""
    monkeypatch.setenv("SIGHTLINE_WEIGHTS", str(tmp_path / "mine"))
    return tmp_path / "mine"


def entry(server: Server, sha256: str = "", name: str = "yolo11n") -> ManifestEntry:
    known = entries()[name]
    model = replace(known.model, url=server.url(), megabytes=len(CONTENT) / 1e6)
    return replace(known, model=model, sha256=sha256, parts=())


def fetched(one: ManifestEntry, progress: Progress | None = None) -> Download:
    return download_entry(one, progress or Progress(), plain_host=HOST)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def break_off(server: Server, one: ManifestEntry, after: int = 1_000_000) -> None:
    server.cut_after = after
    with pytest.raises(WeightsError, match=r"broke after 1\.0 of 3\.0 MB.*continues where it stopped"):
        fetched(one)
    server.cut_after = 0


def test_a_file_with_a_digest_arrives_whole_under_the_manifests_name(server: Server, folder: Path) -> None:
    got = fetched(entry(server, SHA256[:8]))
    assert got.state == "digest matches"
    assert (folder / "yolo11n.pt").read_bytes() == CONTENT
    assert names(folder) == {"yolo11n.pt"}
    assert fetched(entry(server, SHA256[:8])).state == "here already"
    assert len(server.asked) == 1


def test_progress_is_told_in_bytes_and_goes_on_where_it_stopped(server: Server, folder: Path) -> None:
    break_off(server, entry(server, SHA256))
    told: list[Report] = []
    fetched(entry(server, SHA256), Progress(told.append, every=0))
    assert [(r.camera, r.stage, r.total) for r in told[:1]] == [("yolo11n", "download", len(CONTENT))]
    done = [r.done for r in told]
    assert done == sorted(done) and done[0] == 1_000_000 and done[-1] == len(CONTENT) and len(done) > 3


def test_a_cut_connection_is_gone_on_with(server: Server, folder: Path) -> None:
    break_off(server, entry(server))
    assert (folder / "yolo11n.pt.part").read_bytes() == CONTENT[:1_000_000]
    assert not (folder / "yolo11n.pt").exists()
    fetched(entry(server))
    assert server.asked[1]["Range"] == "bytes=1000000-" and server.asked[1]["If-Range"] == '"one"'
    assert (folder / "yolo11n.pt").read_bytes() == CONTENT
    assert names(folder) == {"yolo11n.pt", "pins.json"}


@pytest.mark.parametrize(
    "changes",
    [
        {"ranges": False},  # the server knows no ranges
        {"version": '"two"', "content": CONTENT[::-1]},  # the file is another one now, and the server says so
        {"version": '"two"', "content": CONTENT[::-1], "honest": False},  # it gives the rest of the other one
        {"content": CONTENT[::-1] + b"x", "honest": False},  # the same version, but not the same size
        {"content": CONTENT[:900_000] * 2, "honest": False, "version": '"two"'},
    ],
)
def test_what_is_not_the_rest_starts_anew(server: Server, folder: Path, changes: dict[str, object]) -> None:
    break_off(server, entry(server))
    for name, value in changes.items():
        setattr(server, name, value)
    fetched(entry(server))
    assert (folder / "yolo11n.pt").read_bytes() == server.content


@pytest.mark.parametrize("version", ["", 'W/"weak"'])
def test_without_a_strong_version_nothing_is_added_to_a_part(server: Server, folder: Path, version: str) -> None:
    server.version = version
    break_off(server, entry(server))
    fetched(entry(server))
    assert "Range" not in server.asked[1]
    assert (folder / "yolo11n.pt").read_bytes() == CONTENT


def test_a_part_of_another_address_or_without_its_notes_starts_anew(server: Server, folder: Path) -> None:
    break_off(server, entry(server))
    notes = folder / "yolo11n.pt.part.json"
    notes.write_text(json.dumps({**json.loads(notes.read_text()), "url": "https://other"}))
    break_off(server, entry(server))
    notes.unlink()
    fetched(entry(server))
    assert all("Range" not in asked for asked in server.asked)


def test_a_part_that_was_whole_already_is_only_checked(server: Server, folder: Path) -> None:
    break_off(server, entry(server, SHA256))
    (folder / "yolo11n.pt.part").write_bytes(CONTENT)
    assert fetched(entry(server, SHA256)).state == "digest matches"
    assert len(server.asked) == 1


def test_a_wrong_digest_is_refused_and_nothing_kept(server: Server, folder: Path) -> None:
    with pytest.raises(WeightsError, match=rf"begins with {SHA256[:12]}, not 0123.*not kept"):
        fetched(entry(server, "0123"))
    assert names(folder) == set()


def test_a_pin_is_made_said_and_held_to(server: Server, folder: Path) -> None:
    got = fetched(entry(server))
    assert got.state == "pinned now"
    assert SHA256 in outcome(got) and "pins.json" in outcome(got) and "gives no digest" in outcome(got)
    assert pins(folder)["yolo11n.pt"].sha256 == SHA256
    assert "unchanged since its download on" in find("yolo11n", "detector").assumed[-1]
    # Another file in its place: refused where it is used, never overwritten.
    (folder / "yolo11n.pt").write_bytes(b"another file")
    for attempt in (lambda: find("yolo11n", "detector"), lambda: fetched(entry(server))):
        with pytest.raises(WeightsError, match=r"not the file downloaded and pinned on .*pins\.json"):
            attempt()
    assert {s.model.name: s.state for s in statuses()}["yolo11n"] == "changed"
    assert (folder / "yolo11n.pt").read_bytes() == b"another file"
    # Fetched again: the pin still counts, for the same file and against another.
    (folder / "yolo11n.pt").unlink()
    server.content = CONTENT[::-1]
    with pytest.raises(
        WeightsError, match=r"not kept: it is not the file that was downloaded on .*remove yolo11n\.pt from"
    ):
        fetched(entry(server))
    assert names(folder) == {"pins.json"}
    server.content = CONTENT
    assert fetched(entry(server)).state == "pin matches"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"yolo11n.pt": {}}', '{"yolo11n.pt": {"sha256": "", "since": "", "url": ""}}']
)
def test_broken_pins_are_not_taken_for_none(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "pins.json").write_text(text)
    (folder / "yolo11n.pt").write_bytes(b"x")
    with pytest.raises(WeightsError, match="cannot be read as a list of pins"):
        find("yolo11n", "detector")


def test_one_pin_leaves_the_others(tmp_path: Path) -> None:
    for name, digit in (("a.pt", "1"), ("b.pt", "2"), ("a.pt", "3")):
        add_pin(tmp_path, name, digit * 64, "https://x")
    assert {name: pin.sha256[0] for name, pin in pins(tmp_path).items()} == {"a.pt": "3", "b.pt": "2"}


def test_a_stop_leaves_the_part_and_goes_on_later(server: Server, folder: Path) -> None:
    def stop(report: Report) -> None:
        if report.done > 500_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetched(entry(server), Progress(stop, every=0))
    part = (folder / "yolo11n.pt.part").read_bytes()
    assert 500_000 < len(part) < len(CONTENT) and part == CONTENT[: len(part)]
    fetched(entry(server))
    assert server.asked[1]["Range"] == f"bytes={len(part)}-"
    assert (folder / "yolo11n.pt").read_bytes() == CONTENT


def test_a_disk_without_space_is_said_and_what_fits_is_kept(server: Server, folder: Path) -> None:
    """A limit on the size of files stands in for a full disk: writing stops with an error of the system."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_001, before[1]))
    try:
        with pytest.raises(
            StoreError, match=r"\.part cannot be written \(.*Free some space.*continues where it stopped"
        ):
            fetched(entry(server))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (folder / "yolo11n.pt.part").read_bytes() == CONTENT[:1_000_001]
    fetched(entry(server))
    assert "Range" in server.asked[1] and (folder / "yolo11n.pt").read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made_is_said_and_no_other_is_taken(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    before = names(WEIGHTS)
    folder.write_bytes(b"a file where the folder should be")
    with pytest.raises(StoreError, match="cannot be written"):
        fetched(entry(server))
    assert names(WEIGHTS) == before


def test_what_the_server_refuses_can_be_fetched_by_hand(server: Server, folder: Path) -> None:
    server.status = 404
    with pytest.raises(WeightsError) as fault:
        fetched(entry(server))
    for words in ("404", f"Download {server.url()} by hand", str(folder / "yolo11n.pt")):
        assert words in str(fault.value)


def test_without_network_the_address_and_the_folder_are_said(server: Server, folder: Path) -> None:
    closed = replace(entry(server), model=replace(entry(server).model, url=f"http://{HOST}:1/yolo11n.pt"))
    with pytest.raises(WeightsError) as fault:
        fetched(closed)
    for words in ("cannot be reached", f"{HOST}:1/yolo11n.pt by hand", str(folder / "yolo11n.pt")):
        assert words in str(fault.value)


def test_a_page_of_excuses_is_not_pinned(server: Server, folder: Path) -> None:
    server.content = b"<html>please sign in</html>"
    with pytest.raises(WeightsError, match="offers 27 bytes; about 3,000,000 bytes were expected"):
        fetched(entry(server))
    assert not folder.exists() or names(folder) == set()


def test_only_https_is_spoken_before_and_after_a_redirect(server: Server, folder: Path) -> None:
    with pytest.raises(WeightsError, match="not an https address"):
        download_entry(entry(server), Progress())
    assert server.asked == []
    for target in ("ftp://127.0.0.1/x", "file:///etc/hosts", f"http://localhost:{server.port}/x"):
        server.redirect = target
        with pytest.raises(WeightsError, match=r"not an https address|is not allowed"):
            fetched(entry(server))
    assert len(server.asked) == 3
    server.redirect = server.url("moved")
    fetched(entry(server))
    assert names(folder) == {"yolo11n.pt", "pins.json"}


def test_a_folder_carried_by_hand_works_without_network(server: Server, folder: Path, tmp_path: Path) -> None:
    """The file alone is taken, and said not to be verified; with pins.json beside it, it is checked."""
    fetched(entry(server))
    carried = tmp_path / "carried"
    folder.rename(carried)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_WEIGHTS", str(carried))
        assert "unchanged since" in find("yolo11n", "detector").assumed[-1]
        assert download_model("yolo11n", Progress()).state == "here already"
        (carried / "pins.json").unlink()
        assert "its content was not verified" in find("yolo11n", "detector").assumed[-1]


def test_without_a_folder_of_their_own_files_go_to_the_users_data_folder(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGHTLINE_WEIGHTS", raising=False)
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    assert fetched(entry(server)).model.path == tmp_path / "cache" / "data" / "weights" / "yolo11n.pt"
    assert find("yolo11n", "detector").path.is_file()


def test_the_command_lists_and_refuses_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "get"]) == 0
    listed = capsys.readouterr().out
    for name in ("yolo11n", "yolo11s", "yolo26n", "fasterrcnn_resnet50_fpn_v2", "resnet50-imagenet"):
        assert name in listed
    assert "5.6 MB" in listed and "AGPL-3.0" in listed and "not here" in listed and str(folder) in listed
    assert main(["models"]) == 0
    assert "python -m core models get yolo11n" in capsys.readouterr().out
    for name, words in (("nobody", "no model is called 'nobody'"), ("osnet_x1_0", "is not offered for download")):
        assert main(["models", "get", name]) == 2
        said = capsys.readouterr().err
        assert words in said and "yolo26n" in said
    with pytest.raises(WeightsError, match="models get yolo26n"):
        find("yolo26n", "detector")


def test_the_command_shows_bytes_and_not_frames(
    server: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetched(entry(server), Progress(bytes_listener(), every=0))
    said = capsys.readouterr().err
    assert "yolo11n  3.0 MB of 3.0 MB" in said and "B/s" in said and "frames" not in said


def test_what_is_here_already_is_said_so(folder: Path) -> None:
    folder.mkdir()
    (folder / "yolo11n.pt").write_bytes(b"x")
    (folder / "resnet50-11ad3fa6.pth").write_bytes(b"x")
    lines = {line.split()[0]: line for line in list_offers(downloadable()).splitlines() if line}
    assert " here " in lines["yolo11n"] and "not here" in lines["yolo26n"]
    assert "another file" in lines["resnet50-imagenet"]


def test_every_address_is_https_and_ends_in_the_manifests_file_name() -> None:
    for status in downloadable():
        known = entries()[status.model.name]
        assert known.model.megabytes > 0.9 and known.remote_files
        for file in known.remote_files:
            assert file.url.startswith("https://") and file.url.endswith(f"/{file.name}")


# --- Models of several files.

XML, BIN = b"<net>" + CONTENT[:400_000], CONTENT[:2_000_000]
GRAPH = "person-reidentification-retail-0287"


def several(server: Server, digests: tuple[str, str] = ("", ""), whole: str = "") -> ManifestEntry:
    """The entry of an OpenVINO model whose two files the server has."""
    server.files = {f"/{GRAPH}.xml": XML, f"/{GRAPH}.bin": BIN}
    parts = tuple(
        RemoteFile(f"{GRAPH}.{kind}", server.url(f"{GRAPH}.{kind}"), len(content), digest)
        for kind, content, digest in zip(("xml", "bin"), (XML, BIN), digests, strict=True)
    )
    return replace(entries()[GRAPH], sha256=whole, parts=parts)


def sha256(*contents: bytes) -> str:
    return hashlib.sha256(b"".join(contents)).hexdigest()


def test_a_model_of_several_files_arrives_as_one(server: Server, folder: Path) -> None:
    told: list[Report] = []
    known = several(server, (sha256(XML), sha256(BIN)), sha256(XML, BIN))
    got = fetched(known, Progress(told.append, every=0))
    assert got.state == "digest matches" and got.model.path == folder / GRAPH / f"{GRAPH}.xml"
    assert names(folder) == {GRAPH} and names(folder / GRAPH) == {f"{GRAPH}.xml", f"{GRAPH}.bin"}
    assert (folder / GRAPH / f"{GRAPH}.bin").read_bytes() == BIN
    assert {(r.number, r.cameras, r.camera) for r in told} == {(1, 2, f"{GRAPH}.xml"), (2, 2, f"{GRAPH}.bin")}
    assert fetched(known).state == "here already" and len(server.asked) == 2


def test_of_several_files_nothing_is_there_before_all_are(server: Server, folder: Path) -> None:
    known = several(server, (sha256(XML), sha256(BIN)), sha256(XML, BIN))
    server.cut_after = 1_000_000
    with pytest.raises(WeightsError, match=r"broke after 1\.0 of 2\.0 MB"):
        fetched(known)
    assert not (folder / GRAPH).exists() and manifest.status(known).state == "missing" and has_begun(known)
    server.cut_after = 0
    assert fetched(known).state == "digest matches"
    # The first file was not asked for again, and of the second only the rest.
    assert [(asked["path"], asked.get("Range")) for asked in server.asked[2:]] == [(f"/{GRAPH}.bin", "bytes=1000000-")]
    assert names(folder) == {GRAPH} and not has_begun(known)


def test_a_wrong_file_among_several_is_refused_and_the_others_kept(server: Server, folder: Path) -> None:
    known = several(server, (sha256(XML), sha256(BIN)), sha256(XML, BIN))
    server.files[f"/{GRAPH}.bin"] = BIN[::-1]
    with pytest.raises(WeightsError, match=rf"{GRAPH}\.bin begins with .*not kept"):
        fetched(known)
    assert not (folder / GRAPH).exists() and names(folder / f"{GRAPH}.part") == {f"{GRAPH}.xml"}
    server.files[f"/{GRAPH}.bin"] = BIN
    assert fetched(known).state == "digest matches"


def test_several_files_without_digests_are_pinned_together(server: Server, folder: Path) -> None:
    got = fetched(several(server))
    assert got.state == "pinned now" and pins(folder)[GRAPH].sha256 == sha256(XML, BIN)
    shutil.rmtree(folder / GRAPH)
    changed = several(server)
    server.files[f"/{GRAPH}.xml"] = XML[::-1]
    with pytest.raises(WeightsError, match="not the file that was downloaded on"):
        fetched(changed)
    assert names(folder) == {"pins.json"}


def test_the_digests_of_the_manifest_fit_the_folder_that_users_have(shared: Path) -> None:
    here, known = shared / "weights" / GRAPH, entries()[GRAPH]
    contents = [(here / part.name).read_bytes() for part in known.parts]
    assert [(len(content), sha256(content)) for content in contents] == [(p.bytes, p.sha256) for p in known.parts]
    assert sha256(*contents) == known.sha256


def test_a_file_pinned_before_its_digest_was_known_goes_on_and_says_so(server: Server, folder: Path) -> None:
    fetched(entry(server))
    found = manifest.status(entry(server, "0123"))
    assert found.state == "present" and "not the one that the manifest describes now" in found.model.assumed[-1]


# --- Time, mirrors, and who may connect.


def test_a_server_that_never_answers_is_given_up(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "CONNECT_SECONDS", 0.3)
    server.pause = 1.0
    with pytest.raises(WeightsError, match=r"cannot be reached \(no answer within 0\.3 s\)"):
        fetched(entry(server))


def test_a_connection_that_falls_silent_counts_as_broken(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "STALL_SECONDS", 0.3)
    server.cut_after, server.silence = 1_000_000, 1.0
    with pytest.raises(WeightsError, match=r"broke after 1\.0 of 3\.0 MB \(.*timed out\)"):
        fetched(entry(server))
    assert (folder / "yolo11n.pt.part").read_bytes() == CONTENT[:1_000_000]


def test_a_wait_for_an_answer_can_be_cancelled(server: Server, folder: Path) -> None:
    server.pause = 1.0
    began = time.monotonic()
    with pytest.raises(Cancelled):
        fetched(entry(server), Progress(is_cancelled=lambda: time.monotonic() - began > 0.2))
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize("claimed", [1_400_000, 2_600_000, 4_000_000])
def test_a_size_that_is_no_truth_brings_no_model(server: Server, folder: Path, claimed: int) -> None:
    server.claims = claimed
    with pytest.raises(WeightsError, match=r"bytes were expected|broke after|begins with"):
        fetched(entry(server, SHA256))
    assert not (folder / "yolo11n.pt").exists()
    server.claims = 0
    assert fetched(entry(server, SHA256)).state == "digest matches"


def test_a_mirror_is_asked_in_place_of_the_publisher(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = replace(
        several(server, (sha256(XML), sha256(BIN)), sha256(XML, BIN)),
        parts=tuple(
            replace(part, url="https://publisher.invalid/x")
            for part in several(server, (sha256(XML), sha256(BIN))).parts
        ),
    )
    server.files = {f"/models{path}": content for path, content in server.files.items()}
    monkeypatch.setenv(MIRROR, server.url("models/"))
    assert download_entry(known, Progress()).state == "digest matches"
    assert [asked["path"] for asked in server.asked] == [f"/models/{GRAPH}.xml", f"/models/{GRAPH}.bin"]


def test_a_mirror_without_https_needs_a_digest_and_never_leads_elsewhere(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR, server.url(""))
    for digest in ("", SHA256[:8]):
        with pytest.raises(WeightsError, match="not an https address"):
            download_entry(entry(server, digest), Progress())
    server.content = CONTENT[::-1]
    with pytest.raises(WeightsError, match="not kept"):
        download_entry(entry(server, SHA256), Progress())
    for target in ("ftp://127.0.0.1/x", "file:///etc/hosts", f"http://localhost:{server.port}/x", "http://[::1"):
        server.redirect = target
        with pytest.raises(WeightsError, match=r"not an https address|is not allowed|cannot be reached"):
            download_entry(entry(server, SHA256), Progress())
    for address in ("models.example", "http://[::1"):
        monkeypatch.setenv(MIRROR, address)
        with pytest.raises(WeightsError, match=r"not an https address|is no address"):
            download_entry(entry(server, SHA256), Progress())


def test_two_do_not_download_the_same_model_at_once(server: Server, folder: Path) -> None:
    server.pause = 0.5
    first = threading.Thread(target=fetched, args=(entry(server),))
    first.start()
    until(lambda: bool(server.asked))
    with pytest.raises(StoreError, match="is being downloaded already"):
        fetched(entry(server))
    first.join()
    assert fetched(entry(server)).state == "here already" and len(server.asked) == 1


def test_only_one_module_opens_connections() -> None:
    """No other file of the program imports what opens a connection to another machine."""
    able = re.compile(
        r"^\s*(?:import|from) (?:urllib\.request|http\.client|httpx|requests|aiohttp|ftplib|smtplib)\b", re.M
    )
    root = Path(manifest.__file__).parents[3]
    sources = [root / "app.py", *root.glob("core/**/*.py"), *root.glob("pages/**/*.py")]
    found = {path.relative_to(root).as_posix() for path in sources if able.search(path.read_text(encoding="utf-8"))}
    assert found == {"core/vision/models/transfer.py"}
