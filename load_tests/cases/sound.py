"""What is decoded and encoded on its way: calls between codecs, and conferences."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from load_tests.case import (
    SERVER_CORE,
    Case,
    Load,
    Row,
    beside,
    exchange_ports,
    pinned,
    read_ports,
    result_of,
    start_generator,
    through_floor,
    through_switch,
    write_addresses,
)
from load_tests.conference import Conference
from load_tests.voices import G722, OPUS, PCMU, Codec, voice

ROOM = 5
HALLS = {205: 5, 505: 5, 550: 50}
"Members of a hall, and how many of them talk."


async def transcode(load: Load, *, codec: Codec) -> Row:
    """Callers on G.711 through the real server to a called party that answers with `codec` alone."""
    with TemporaryDirectory() as folder:
        voices: dict[str, Any] = {"caller": voice(Path(folder), PCMU), "called": voice(Path(folder), codec)}
        row = await through_switch(load, command="transcode", rtpmap=codec.rtpmap, **voices)
    return _costs(beside(row | {"p50_us": None, "p99_us": None}, await through_floor(load)))


async def conference(load: Load, *, conference: Conference) -> Row:
    """Members who all send; the core alone, since signalling has no conference of this size."""
    with TemporaryDirectory() as folder:
        core = await conference.start(pinned([SERVER_CORE]), members=load.n)
        try:
            generator = await start_generator(
                "voices",
                {"pid": core.pid, "streams": load.n, "members": load.n, "seconds": load.seconds}
                | {"voice": voice(Path(folder), conference.codec)},
            )
            ports = await exchange_ports(core, await read_ports(generator))
            await write_addresses(generator, ports)
            row = await result_of(generator)
        finally:
            core.kill()
            await core.wait()
    floor = await through_floor(Load(load.n // 2, load.seconds))
    halved = floor | {"cpu_percent_per_call": floor["cpu_percent_per_call"] / 2}
    return _costs(beside(row | {"p50_us": None, "p99_us": None}, halved)) | {"via": "core"}


async def hall(load: Load, *, codec: Codec) -> Row:
    """Many who listen to a few talkers, in one room."""
    talkers = HALLS.get(load.n, max(1, load.n // 11))
    return await conference(load, conference=Conference(room=load.n, talkers=talkers, codec=codec))


def _costs(row: Row) -> Row:
    """Packets that are decoded on their way cannot be traced: the row says nothing of latency."""
    return {name: value for name, value in row.items() if value is not None}


CASES = (
    Case("opus", "G.711 to Opus, speech both ways", (20,), partial(transcode, codec=OPUS)),
    Case("g722", "G.711 to G.722, speech both ways", (100,), partial(transcode, codec=G722)),
    Case(
        "conference",
        "rooms of 5 who all talk, G.711; a member",
        (100,),
        partial(conference, conference=Conference(room=ROOM, talkers=ROOM)),
    ),
    Case(
        "conference-hall",
        "200 listeners and 5 talkers in one room, then 500 and 50, G.711; a member",
        (205, 550),
        partial(hall, codec=PCMU),
    ),
    Case(
        "conference-hall-opus",
        "500 listeners and 5 talkers in one room, Opus; a member",
        (505,),
        partial(hall, codec=OPUS),
    ),
)
