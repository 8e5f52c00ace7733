"""Recordings: the list, the manifest with signed addresses, and the files."""

import re
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

from mediaswitch.errors import NotFound
from mediaswitch.ids import AgentId, QueueName, SessionId
from mediaswitch.services import RecordingQuery
from signaling.web.answers import ManifestAnswer, RecordingAnswer, RecordingPageAnswer
from signaling.web.operations import Call, OperationTable
from signaling.web.principal import REVIEWERS, Access, MediaGrant
from signaling.web.requests import MediaQuery, NoQuery, RecordingsQuery

operations = OperationTable()
LIST = "/api/v1/recordings"
RECORDING = f"{LIST}/{{session_id}}"
TRACK = f"{RECORDING}/tracks/{{track_id}}"
FILES = REVIEWERS | {Access.MEDIA}

_TYPES = {
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".mka": "audio/x-matroska",
    ".mkv": "video/x-matroska",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".webm": "video/webm",
}


@operations.add("GET", LIST, access=REVIEWERS, takes=RecordingsQuery, gives=RecordingPageAnswer)
async def list_recordings(call: Call[RecordingsQuery]) -> RecordingPageAnswer:
    """Recorded sessions, newest first."""
    asked = call.input
    page = await call.services.recordings.find(
        RecordingQuery(
            tenant=call.tenant,
            text=asked.q or None,
            agent=None if asked.agent is None else AgentId(asked.agent),
            queue=None if asked.queue is None else QueueName(asked.queue),
            since=asked.since,
            until=asked.until,
            limit=asked.limit,
            cursor=asked.cursor,
        )
    )
    rows = [RecordingAnswer.model_validate(row) for row in page.recordings]
    return RecordingPageAnswer(recordings=rows, next_cursor=page.next_cursor)


@operations.add("GET", RECORDING, access=REVIEWERS, takes=NoQuery, gives=ManifestAnswer, errors=(HTTPStatus.NOT_FOUND,))
async def get_recording(call: Call[NoQuery]) -> ManifestAnswer:
    """Tracks and events of one recording; the tracks' addresses are signed for media elements."""
    manifest = await call.services.recordings.manifest(call.tenant, call.session_id)
    grant = MediaGrant(session=call.session_id, tenant=call.tenant)
    token = call.context.tokens.media(grant, duration_s=manifest["duration_ms"] / 1000)
    tracks = [track | _addresses(call.session_id, str(track["id"]), token) for track in manifest["tracks"]]
    return ManifestAnswer.model_validate(manifest | {"tracks": tracks})


def _addresses(session: SessionId, track: str, token: str) -> dict[str, Any]:
    base = f"{LIST}/{quote(session)}/tracks/{quote(track, safe='')}"
    names = {"url": "media", "peaks_url": "peaks", "original_url": "original"}
    return {field: f"{base}/{name}?token={token}" for field, name in names.items()}


@operations.add(
    "GET",
    f"{TRACK}/media",
    access=FILES,
    takes=MediaQuery,
    errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def track_media(call: Call[MediaQuery]) -> web.StreamResponse:
    """A file that a browser plays, as long as the session (ranges: RFC 9110 §14)."""
    return _file(await call.services.recordings.rendition(*_wanted(call)))


@operations.add(
    "GET",
    f"{TRACK}/peaks",
    access=FILES,
    takes=MediaQuery,
    errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def track_peaks(call: Call[MediaQuery]) -> web.StreamResponse:
    """The waveform: {"per_second", "peaks"}."""
    return _file(await call.services.recordings.peaks(*_wanted(call)))


@operations.add(
    "GET",
    f"{TRACK}/original",
    access=FILES,
    takes=MediaQuery,
    errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def track_original(call: Call[MediaQuery]) -> web.StreamResponse:
    """The file as it was recorded, to keep."""
    path = await call.services.recordings.original(*_wanted(call))
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", f"{call.session_id}-{path.name}")
    return _file(path, {"Content-Disposition": f'attachment; filename="{name}"'})


def _wanted(call: Call[MediaQuery]) -> tuple[Any, SessionId, str]:
    if isinstance(call.who, MediaGrant) and call.who.session != call.session_id:
        raise NotFound(f"no recording {call.session_id} behind this address")
    return call.tenant, call.session_id, call.path["track_id"]


def _file(path: Path, headers: dict[str, str] | None = None) -> web.FileResponse:
    if not path.is_file():
        raise NotFound("the file is gone")
    kind = _TYPES.get(path.suffix, "application/octet-stream")
    kept = {"Content-Type": kind, "Cache-Control": "private, max-age=300"}
    return web.FileResponse(path, headers=kept | (headers or {}))
