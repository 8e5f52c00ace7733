"""A process to be killed: a recorded call that never ends. `python -m tests.loopback.recording.victim DATA`."""

import asyncio
import sys
from pathlib import Path

from tests.loopback.recording.switch import recording_switch, two_parties


async def main(data: Path) -> None:
    async with recording_switch(data, rtp_ports=(33_700, 33_800)) as switch, two_parties() as (caller, answerer):
        print(switch.talk(caller, answerer), flush=True)
        await asyncio.sleep(3600)


asyncio.run(main(Path(sys.argv[1])))
