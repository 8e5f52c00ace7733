"""Conferences in the core alone.

`python -m load_tests.conference ROOM TALKERS MEMBERS PAYLOAD-TYPE RTPMAP` reads an address a line for each member,
prints their ports and mixes until it is killed.
"""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass

from load_tests.voices import PCMU, Codec
from mediaswitch import _core

FIRST_PORT, LAST_PORT = 42_000, 43_998


@dataclass(frozen=True, slots=True)
class Conference:
    """Rooms of so many members; the first `talkers` of each are heard by all others of the room."""

    room: int
    talkers: int
    codec: Codec = PCMU

    async def start(self, prefix: tuple[str, ...], *, members: int) -> Process:
        """Start the process; it then takes a line for each member."""
        numbers = (str(number) for number in (self.room, self.talkers, members))
        codec = (str(self.codec.payload_type), self.codec.rtpmap)
        words = (*prefix, sys.executable, "-m", "load_tests.conference", *numbers, *codec)
        return await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE)

    def connect(self, core: _core.MediaCore, ports: list[_core.RtpPort]) -> None:
        """Let everyone of a room hear its talkers, but not himself."""
        for first in range(0, len(ports), self.room):
            members = ports[first : first + self.room]
            for talker in members[: self.talkers]:
                for listener in members:
                    if listener is not talker:
                        core.connect(talker.track, listener.port)


def main() -> None:
    """Serve the members that standard input names, until killed."""
    room, talkers, members, payload_type = map(int, sys.argv[1:5])
    codec, clock_rate = sys.argv[5].split("/")[:2]
    conference = Conference(room=room, talkers=talkers)
    core = _core.MediaCore(
        workers=1,
        bind_ip="127.0.0.1",
        public_ip=None,
        rtp_ports=(FIRST_PORT, LAST_PORT),
        webrtc_port=0,
        clock_offset_ns=0,
    )
    ports = []
    for n in range(members):
        ip, port = sys.stdin.readline().strip().rsplit(":", 1)
        opened = core.open_rtp(n // conference.room)
        core.configure_rtp(
            opened.port,
            remote_ip=ip,
            remote_port=int(port),
            payload_type=payload_type,
            codec=codec,
            clock_rate=int(clock_rate),
            telephone_event_payload_type=101,
            ptime_ms=20,
            send=True,
            receive=True,
        )
        ports.append(opened)
    conference.connect(core, ports)
    print(*(opened.udp_port for opened in ports), flush=True)
    while True:
        core.drain_events()
        time.sleep(1.0)


if __name__ == "__main__":
    main()
