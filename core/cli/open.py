"""`open`: prints the address that lets a browser into the running app, and opens it."""

from __future__ import annotations

import argparse
import sys

from core.base.errors import SettingsError
from core.machine.servers import enter_address, open_browser, running_servers, start_secret


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("--port", type=int, help="which server, if several run; by default the one started last")
    p.add_argument("--print", action="store_true", dest="only_print", help="print the address only, open no browser")
    p.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    servers = running_servers()
    if not servers:
        raise SettingsError("Sightline is not running", "Start it with: python -m streamlit run app.py")
    ports = [server.port for server in servers]
    if options.port is not None and options.port not in ports:
        raise SettingsError(
            f"no Sightline of yours runs at port {options.port}", f"Those that run: {', '.join(map(str, ports))}."
        )
    server = servers[0 if options.port is None else ports.index(options.port)]
    address = enter_address(server.host, server.port, start_secret())
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    if not options.only_print:
        open_browser(address)
    return 0
