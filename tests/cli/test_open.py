"""`open`: the address of the running server, or that there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.cli import main
from core.machine import servers
from core.machine.servers import announced, running_servers, start_secret


@pytest.fixture(autouse=True)
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was opened at."""
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    found: list[str] = []
    monkeypatch.setattr("core.cli.open.open_browser", found.append)
    return found


def test_no_server_is_said(capsys: pytest.CaptureFixture[str], opened: list[str]) -> None:
    assert main(["open"]) == 2
    assert "Sightline is not running. Start it with" in capsys.readouterr().err and opened == []


def test_the_address_is_printed_and_opened(capsys: pytest.CaptureFixture[str], opened: list[str]) -> None:
    with announced("localhost", 8501):
        assert main(["open"]) == 0
        address = f"http://localhost:8501/enter?secret={start_secret()}"
        assert capsys.readouterr().out == f"{address}\n" and opened == [address]
        assert main(["open", "--print"]) == 0 and len(opened) == 1
    assert running_servers() == []


def test_one_of_several_servers_is_chosen_by_its_port(capsys: pytest.CaptureFixture[str]) -> None:
    with announced("localhost", 8501), announced("cameras.lan", 8502):
        assert main(["open"]) == 0
        assert "http://cameras.lan:8502/enter?" in capsys.readouterr().out
        assert main(["open", "--port", "8501"]) == 0
        assert "http://localhost:8501/enter?" in capsys.readouterr().out
        assert main(["open", "--port", "9000"]) == 2
        assert "no Sightline of yours runs at port 9000. Those that run: 8502, 8501" in capsys.readouterr().err


def test_a_server_that_was_killed_is_listed_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who took its port since must not get the secret."""
    with announced("localhost", 8501):
        (record,) = servers.chosen_data_dir().joinpath("entrance").glob("*.json")
        left = record.read_bytes()
        (record.parent / "1-0123456789abcdef.json").write_bytes(left)
        (record.parent / f"{record.stem}x.json").write_text("{")
        assert [server.port for server in running_servers()] == [8501]
        assert [path.name for path in record.parent.glob("*.json")] == [record.name]


def test_where_nothing_can_be_written_a_server_runs_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path / "file"))
    monkeypatch.setenv("BROWSER", "true")
    with announced("localhost", 8501):
        servers.open_browser("http://localhost:8501/")
