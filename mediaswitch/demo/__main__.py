"""`mediaswitch demo`: a SIP phone and a web customer call a running server, speak, and say how it goes."""

import argparse
import asyncio
import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from mediaswitch.demo.customer import CallRefused, Customer
from mediaswitch.demo.peer import allow_loopback
from mediaswitch.demo.phone import Phone, PhoneError

MENU_S = 3.0
"How long a caller listens to the menu before the digit."

SPEECH = {
    "phone": (
        "en-us",
        "Hello, this is the caller on the phone. My order has not arrived yet, and I would like to know where it is. "
        "The number of the order is four, seven, one, one.",
    ),
    "web": ("cmn", "你好,我是网页上的客户。我的订单还没有到,我想知道它在哪里。订单号是四七一一。"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the callers until an agent has talked with each, or the time is over."""
    given = _parser().parse_args(arguments)
    if shutil.which("espeak-ng") is None:
        print("demo: espeak-ng is missing (Debian: apt install espeak-ng)", file=sys.stderr)
        return 1
    if given.only != "web" and importlib.util.find_spec("pjsua2") is None:
        print("demo: no phone without pjsua2, which PyPI has for Python 3.11 only; try --only web", file=sys.stderr)
        return 1
    return asyncio.run(_demo(given))


def _parser() -> argparse.ArgumentParser:
    http = os.environ.get("MEDIASWITCH_HTTP_PORT", "8443")
    sip = os.environ.get("MEDIASWITCH_SIP_PORT", "5060")
    parser = argparse.ArgumentParser(prog="mediaswitch demo", description=__doc__)
    parser.add_argument("--url", default=f"https://127.0.0.1:{http}", help="of the server (default: %(default)s)")
    parser.add_argument("--sip", default=f"127.0.0.1:{sip}", help="its SIP address (default: %(default)s)")
    parser.add_argument("--number", default="1000", help="to call (default: %(default)s)")
    parser.add_argument("--digit", default="2", help="to press in the menu (default: %(default)s)")
    parser.add_argument("--only", choices=["phone", "web"], help="let only one of them call")
    parser.add_argument("--seconds", type=float, default=120, help="to stay at most (default: %(default)s)")
    return parser


async def _demo(given: argparse.Namespace) -> int:
    allow_loopback()
    callers = {"phone": _phone, "web": _web}
    with tempfile.TemporaryDirectory() as folder:
        running: list[Coroutine[Any, Any, None]] = []
        for name, caller in callers.items():
            if given.only in (None, name):
                running.append(_told(name, caller(given, await _speak(name, Path(folder)))))
        print(f"Log in at {given.url} as an agent, set yourself available, and answer. They hold the line.")
        outcomes = await asyncio.gather(*running, return_exceptions=True)
    return 1 if any(isinstance(outcome, BaseException) for outcome in outcomes) else 0


async def _told(name: str, caller: Coroutine[Any, Any, None]) -> None:
    try:
        await caller
    except (PhoneError, CallRefused, aiohttp.ClientError, TimeoutError) as error:
        _say(name, f"failed: {error or 'nothing happened in time'}")
        raise


async def _speak(name: str, folder: Path) -> Path:
    voice, text = SPEECH[name]
    path = folder / f"{name}.wav"
    await asyncio.to_thread(subprocess.run, ["espeak-ng", "-v", voice, "-w", str(path), text], check=True)
    return path


async def _phone(given: argparse.Namespace, speech: Path) -> None:
    async with await Phone.start(user="demo-phone", bind=urlsplit(f"//{given.sip}").hostname) as phone:
        phone.play(speech)
        _say("phone", f"dials sip:{given.number}@{given.sip}")
        await phone.call(f"sip:{given.number}@{given.sip}")
        _say("phone", "is answered, listens to the menu")
        await asyncio.sleep(MENU_S)
        phone.digits(given.digit)
        _say("phone", f"pressed {given.digit}, speaks on until somebody hangs up")
        if await _ends_within(phone, given.seconds):
            _say("phone", "is done: the other side hung up")
        else:
            _say("phone", f"leaves after {given.seconds:g} s")


async def _ends_within(phone: Phone, seconds: float) -> bool:
    with contextlib.suppress(PhoneError):
        await phone.ended(timeout_s=seconds)
        return True
    return False


async def _web(given: argparse.Namespace, speech: Path) -> None:
    async with await Customer.call(given.url, to=given.number, name="Demo", language="zh", speech=speech) as customer:
        _say("web", f"calls {given.number}, session {customer.session_id}")
        await asyncio.wait_for(customer.peer.connected.wait(), 10)
        _say("web", "is connected, listens to the menu")
        await asyncio.sleep(MENU_S)
        await customer.digits(given.digit)
        _say("web", f"pressed {given.digit}")
        try:
            await asyncio.wait_for(_report(customer), given.seconds)
        except TimeoutError:
            _say("web", f"leaves after {given.seconds:g} s")


async def _report(customer: Customer) -> None:
    for kind, words in {
        "queued": "waits in the queue",
        "talking": "talks with an agent",
        "ended": "is done",
    }.items():
        await customer.wait_event(kind, timeout_s=3600)
        _say("web", words)


def _say(name: str, words: str) -> None:
    print(f"{name:>6}  {words}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
