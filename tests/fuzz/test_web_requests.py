"""Hostile requests, made from openapi.json and from nothing at all: never a 5xx, and the server serves on."""

import asyncio
import gc
import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from signaling.web.app import all_operations, openapi_json
from signaling.web.operations import Operation
from tests.support.web_house import WebHouse, open_web_house

pytestmark = pytest.mark.fuzz

OPERATIONS = list(all_operations())
DOCUMENT: dict[str, Any] = json.loads(openapi_json())
MODELS: dict[str, Any] = DOCUMENT["components"]["schemas"]
TOKENS = ("ann", "sue", "rex", "customer", None)

anything = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=8,
)
sdp_lines = some.sampled_from(
    ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "m=", "a=rtpmap:x"]
)
sdp_like = some.lists(sdp_lines, max_size=12).map("\r\n".join)


def fitting(schema: dict[str, Any]) -> some.SearchStrategy[Any]:
    """Values of a schema of ours, so that requests get past the parser."""
    if "$ref" in schema:
        return fitting(MODELS[schema["$ref"].rsplit("/", 1)[1]])
    if "enum" in schema:
        return some.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return some.one_of([fitting(each) for each in schema["anyOf"]])
    if "pattern" in schema:
        return some.from_regex(schema["pattern"], fullmatch=True)
    by_type: dict[str, Callable[[], some.SearchStrategy[Any]]] = {
        "string": lambda: sdp_like | some.sampled_from(["1000", "queue:support", "ann", "9"]) | some.text(max_size=40),
        "boolean": some.booleans,
        "integer": some.integers,
        "null": some.none,
    }
    return by_type[schema["type"]]()


def body_of(operation: Operation) -> some.SearchStrategy[Any]:
    """Bodies that fit, bodies with one field that does not, and bodies of anything."""
    fields = MODELS[operation.takes.__name__].get("properties", {})
    good = some.fixed_dictionaries({name: fitting(schema) for name, schema in fields.items()})
    odd = some.fixed_dictionaries({name: fitting(schema) | anything for name, schema in fields.items()})
    return good | odd | anything


requests = some.sampled_from(OPERATIONS).flatmap(
    lambda operation: some.tuples(
        some.just(operation),
        some.none() if operation.takes_query else body_of(operation),
        some.sampled_from(TOKENS),
        some.dictionaries(some.sampled_from(["from", "to", "q", "limit", "cursor", "token", "x"]), some.text()),
        some.booleans(),
    )
)


async def _ask(house: WebHouse, placed: dict[str, Any], drawn: tuple[Any, ...]) -> None:
    operation, body, who, query, known = drawn
    token = placed["token"] if who == "customer" else None if who is None else house.token(who)
    session = placed["session"]["id"] if known else "s-none"
    path = re.sub(r"\{session_id\}", session, operation.path).replace("{track_id}", "7")
    text = None if operation.takes_query else json.dumps(body).encode("utf-8", "replace")
    answer = await house.ask(operation.method, path, text, token=token, params=query)
    allowed = DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"]
    assert str(answer.status) in allowed, f"{operation.name}: {answer.status} {answer.text[:200]}"


def test_any_request_is_answered_as_openapi_says(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        opened = open_web_house(tmp_path)
        house = runner.run(opened.__aenter__())
        placed = runner.run(house.call())

        @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
        @given(requests)
        def ask(drawn: tuple[Any, ...]) -> None:
            house.house.clock.advance(60)  # the rate limits rest
            runner.run(_ask(house, placed, drawn))

        ask()
        assert runner.run(house.ask("GET", "/healthz")).status == 200
        runner.run(opened.__aexit__(None, None, None))


messages = some.one_of(
    anything.map(json.dumps),
    some.text(),
    some.binary(max_size=200),
    some.fixed_dictionaries({"type": some.sampled_from(["hello", "ping", "subscribe"]), "topics": anything}).map(
        json.dumps
    ),
)


async def _say(house: WebHouse, said: list[str | bytes], *, after_hello: bool) -> None:
    live = await house.socket()
    if after_hello:
        await live.say({"type": "hello", "token": house.token("sue")})
    for message in said:
        try:
            if isinstance(message, bytes):
                await live.socket.send_bytes(message)
            else:
                await live.socket.send_str(message.encode("utf-8", "replace").decode())
        except ConnectionError:
            break
    await live.socket.send_str('{"type":"ping"}') if not live.socket.closed else None
    async with asyncio.timeout(10):
        while (frame := await live.socket.receive()).type is WSMsgType.TEXT:
            if json.loads(frame.data)["type"] == "pong":
                break
    await live.socket.close()


@pytest.mark.parametrize("after_hello", [False, True])
def test_any_messages_leave_the_live_socket_serving(tmp_path: Path, after_hello: bool) -> None:
    with asyncio.Runner() as runner:
        opened = open_web_house(tmp_path)
        house = runner.run(opened.__aenter__())

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(some.lists(messages, max_size=6))
        def say(said: list[str | bytes]) -> None:
            runner.run(_say(house, said, after_hello=after_hello))

        say()
        assert "mediaswitch_http_requests_total" in runner.run(house.ask("GET", "/metrics")).text
        runner.run(opened.__aexit__(None, None, None))


async def test_flood_of_bad_requests_leaves_memory_flat(tmp_path: Path) -> None:
    async with open_web_house(tmp_path) as house:

        async def flood(count: int) -> None:
            for number in range(count):
                await house.ask("POST", "/api/v1/login", b"{" * 1000)
                await house.ask("GET", f"/api/v1/sessions/s-{number}", token=f"bad.{number}.token")
                await house.ask("POST", "/api/v1/public/calls", {"to": f"{number}", "sdp": "x"})

        await flood(100)
        tracemalloc.start()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        await flood(300)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert grown < 200_000, f"{grown} bytes more after 900 bad requests"
