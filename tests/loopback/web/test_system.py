"""Health, figures and the description of the interface."""

import json

import pytest

from signaling.web.app import all_operations
from tests.support.web_house import WebHouse

pytestmark = pytest.mark.loopback


async def test_healthz_is_always_well_and_readyz_until_shutdown(house: WebHouse) -> None:
    assert (await house.ask("GET", "/healthz")).json == {"status": "ok"}
    assert (await house.ask("GET", "/readyz")).status == 200
    house.house.exchange.shut_down()
    assert (await house.ask("GET", "/readyz")).status == 503
    assert (await house.ask("GET", "/healthz")).status == 200


async def test_metrics_count_sessions_agents_queues_and_requests(house: WebHouse) -> None:
    await house.talk()
    house.queue((await house.call())["session"]["id"])
    await house.ask("GET", "/api/v1/sessions/s-1/timeline")
    lines = (await house.ask("GET", "/metrics")).text.splitlines()
    assert 'mediaswitch_sessions{state="talking",tenant="default"} 1.0' in lines
    assert 'mediaswitch_sessions{state="queued",tenant="default"} 1.0' in lines
    assert 'mediaswitch_agents{state="busy",tenant="default"} 1.0' in lines
    assert 'mediaswitch_queue_waiting{queue="support",tenant="default"} 1.0' in lines
    assert (
        'mediaswitch_http_requests_total{method="GET",route="/api/v1/sessions/{session_id}/timeline",status="401"} 1.0'
        in lines
    )


async def test_paths_and_methods_of_strangers_do_not_grow_the_figures(house: WebHouse) -> None:
    before = len((await house.ask("GET", "/metrics")).text.splitlines())
    for number in range(30):
        await house.ask("GET", f"/nowhere/{number}")
        await house.ask(f"X{number}", "/healthz")
    after = len((await house.ask("GET", "/metrics")).text.splitlines())
    assert after - before < 60  # some series and their buckets, once


async def test_openapi_describes_every_operation(house: WebHouse) -> None:
    document = (await house.ask("GET", "/api/v1/openapi.json")).json
    assert document["openapi"].startswith("3.1")
    described = {(path, method) for path, item in document["paths"].items() for method in item}
    assert {(each.path, each.method.lower()) for each in all_operations()} <= described
    for path in ("/metrics", "/api/v1/ws", "/api/v1/openapi.json"):
        assert (path, "get") in described


async def test_every_reference_of_openapi_leads_somewhere(house: WebHouse) -> None:
    text = (await house.ask("GET", "/api/v1/openapi.json")).text
    schemas = json.loads(text)["components"]["schemas"]
    references = {line.split('"')[3].rsplit("/", 1)[1] for line in text.splitlines() if '"$ref"' in line}
    assert references
    assert references <= schemas.keys()
