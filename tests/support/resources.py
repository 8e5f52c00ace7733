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

TASKS_AT_REST = 10
"More than an idle server has (4), fewer than any call and prompt would make of them."


async def held(switch: RunningSwitch) -> dict[str, float]:
    """Return ports, crosspoints, files, tasks, live sessions and file descriptors of the server now."""
    metrics = await switch.metrics()
    counts = {name: metrics[name] for name in GAUGES}
    counts["sessions"] = sum(value for name, value in metrics.items() if name.startswith("mediaswitch_sessions{"))
    counts["file_descriptors"] = switch.open_files()
    return counts


async def at_rest(switch: RunningSwitch, *, timeout_s: float = 30) -> dict[str, float]:
    """Return what an idle server holds, once it has spoken its flows' prompts, which takes a task each at the start."""
    async with asyncio.timeout(timeout_s):
        while (now := await held(switch))["mediaswitch_asyncio_tasks"] > TASKS_AT_REST:
            await asyncio.sleep(0.2)
        return now


async def back_to(before: dict[str, float], switch: RunningSwitch, *, timeout_s: float = 10) -> dict[str, float]:
    """Wait until no count is higher than before; return those that still are when the time is over."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        now = await held(switch)
        left = {name: now[name] - count for name, count in before.items() if now[name] > count}
        if not left or asyncio.get_running_loop().time() > deadline:
            return left
        await asyncio.sleep(0.2)
