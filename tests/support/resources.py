"""What a server holds, counted before and after: nothing of an ended call may be left."""

import asyncio

from tests.support.server import RunningSwitch

GAUGES = (
    "mediaswitch_media_ports",
    "mediaswitch_media_rtp_ports",
    "mediaswitch_media_webrtc_ports",
    "mediaswitch_media_players",
    "mediaswitch_media_recorders",
    "mediaswitch_media_crosspoints",
    "mediaswitch_media_open_files",
    "mediaswitch_asyncio_tasks",
)


async def held(switch: RunningSwitch) -> dict[str, float]:
    """Return ports, crosspoints, files, tasks, live sessions and file descriptors of the server now."""
    metrics = await switch.metrics()
    counts = {name: metrics[name] for name in GAUGES}
    counts["sessions"] = sum(value for name, value in metrics.items() if name.startswith("mediaswitch_sessions{"))
    counts["file_descriptors"] = switch.open_files()
    return counts


async def back_to(before: dict[str, float], switch: RunningSwitch, *, timeout_s: float = 10) -> dict[str, float]:
    """Wait until no count is higher than before; return those that still are when the time is over."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        now = await held(switch)
        left = {name: now[name] - count for name, count in before.items() if now[name] > count}
        if not left or asyncio.get_running_loop().time() > deadline:
            return left
        await asyncio.sleep(0.2)
