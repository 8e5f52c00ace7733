"""Runs the server until it is told to stop. Part of the composition root."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

import uvloop

from mediaswitch.server import Running, Settings, load_all, running

log = logging.getLogger(__name__)


def serve(path: Path, *, log_level: str) -> None:
    """Run the server with these settings until SIGINT or SIGTERM. Raises SettingsError."""
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = load_all(path)
    try:
        uvloop.run(_serve(settings))
    except OSError as error:
        sys.exit(f"mediaswitch cannot start: {error}")


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as server:
        print(_welcome(server), flush=True)
        await stop.wait()
        log.info("stopping: ending all sessions")


def _welcome(server: Running) -> str:
    web = f"https://{server.ip}:{server.http_port}"
    lines = [
        "",
        "  Mediaswitch is running.",
        f"    console         {web}/",
        f"    customer page   {web}/demo",
        f"    SIP             {', '.join(_sip_addresses(server)) or 'no number is configured'}",
        f"    data            {server.config.server.data_dir.resolve()}",
    ]
    if server.demo_password is not None:
        names = ", ".join(f"{user.name} ({user.role})" for user in server.config.users)
        lines += [f"    demo logins     {names}", f"    demo password   {server.demo_password}"]
    lines += ["  The certificate is self-signed unless the settings name one: browsers ask once. Ctrl-C stops.", ""]
    return "\n".join(lines)


def _sip_addresses(server: Running) -> list[str]:
    return [f"sip:{number.number}@{server.ip}:{server.sip_port}" for number in server.config.numbers[:3]]
