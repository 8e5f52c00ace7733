"""Subscriber: one live socket as the hub sees it: who it is, what it wants, what waits to be sent."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from signaling.web.principal import Principal

QUEUE_FRAMES = 512
"A client that is so far behind is dropped; it comes back and is told everything anew."


class Topic(StrEnum):
    """What staff may follow beside their own affairs."""

    ME = "me"
    SESSIONS = "sessions"
    AGENTS = "agents"
    QUEUES = "queues"


Frame = Mapping[str, Any]


def encode(frame: Frame) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


@dataclass(eq=False)
class Subscriber:
    """Frames are put in without waiting and taken out by the socket's writer."""

    who: Principal
    topics: frozenset[Topic] = frozenset({Topic.ME})
    limit: int = QUEUE_FRAMES
    too_slow: asyncio.Event = field(default_factory=asyncio.Event)
    "Set once a frame found no room; what follows is lost."
    is_desk: bool = False
    "Whether routing counts it as a desk of its agent."
    _frames: asyncio.Queue[str] = field(init=False)

    def __post_init__(self) -> None:
        self._frames = asyncio.Queue(self.limit)

    def send(self, frame: Frame) -> None:
        self.send_text(encode(frame))

    def send_text(self, text: str) -> None:
        """As `send`, of a frame encoded once for many."""
        try:
            self._frames.put_nowait(text)
        except asyncio.QueueFull:
            self.too_slow.set()

    async def next_frame(self) -> str:
        return await self._frames.get()
