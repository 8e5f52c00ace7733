"""Supervisors who listen in and agents who pass customers on, over HTTP, on a real Exchange and real routing."""

import pytest

from tests.support.web_house import OFFER, OTHER_TENANT, LiveClient, WebHouse

pytestmark = pytest.mark.loopback


async def _ready(house: WebHouse, name: str) -> tuple[str, LiveClient]:
    token = house.token(name)
    live, _ = await house.live(token)
    await house.ask("PUT", "/api/v1/agents/me/state", {"state": "available"}, token=token)
    return token, live


async def _state(house: WebHouse, token: str) -> tuple[str, str | None]:
    me = (await house.ask("GET", "/api/v1/agents/me", token=token)).json
    return me["state"], me["session_id"]


async def test_customer_learns_of_a_supervisor_only_when_she_barges_in(house: WebHouse) -> None:
    session, agent, customer = await house.talk()
    path, sue = f"/api/v1/sessions/{session}", house.token("sue")
    page, _ = await house.live(customer)
    joined = await house.ask("POST", f"{path}/monitor", {"sdp": OFFER, "mode": "whisper"}, token=sue)
    assert (joined.status, joined.json["sdp"]) == (201, "answer")

    async def roles(token: str) -> list[str]:
        seen = (await house.ask("GET", path, token=token)).json
        return [participant["role"] for participant in seen["participants"]]

    assert await roles(agent) == ["customer", "agent", "supervisor"]
    assert await roles(customer) == ["customer", "agent"]
    await house.ask("PUT", f"{path}/mute", {"muted": True}, token=sue)
    timeline = (await house.ask("GET", f"{path}/timeline", token=customer)).json["events"]
    assert "supervisor" not in str(timeline)
    changed = await house.ask("PUT", f"{path}/monitor", {"mode": "barge"}, token=sue)
    assert changed.json["participants"][2]["mode"] == "barge"
    assert await roles(customer) == ["customer", "agent", "supervisor"]
    while "supervisor" not in str(frame := await page.wait_frame("session")):
        pass
    assert frame["session"]["participants"][2]["mode"] == "barge"
    left = await house.ask("POST", f"{path}/leave", {}, token=sue)
    assert (left.status, left.json["state"]) == (200, "talking")
    assert (await house.ask("PUT", f"{path}/monitor", {"mode": "listen"}, token=sue)).status == 409


async def test_only_overseers_of_the_tenant_listen_in_and_only_agents_pass_on(house: WebHouse) -> None:
    session, agent, customer = await house.talk()
    path, body = f"/api/v1/sessions/{session}", {"sdp": OFFER, "mode": "listen"}
    for name in ("bob", "rex"):
        assert (await house.ask("POST", f"{path}/monitor", body, token=house.token(name))).status == 403
    assert (await house.ask("POST", f"{path}/monitor", body, token=customer)).status == 403
    assert (await house.ask("POST", f"{path}/monitor", body, token=house.token("zoe", OTHER_TENANT))).status == 404
    for what in ("transfer", "consult", "consult/cancel"):
        given = {"to": "queue:support"} if what == "transfer" else {"agent_id": "bob"} if what == "consult" else {}
        assert (await house.ask("POST", f"{path}/{what}", given, token=house.token("sue"))).status == 403
        assert (await house.ask("POST", f"{path}/{what}", given, token=house.token("bob"))).status == 404
    assert (await house.ask("POST", f"{path}/consult", {"agent_id": "bob"}, token=agent)).status == 409, "not at work"
    assert (await house.ask("POST", f"{path}/consult", {"agent_id": "eve"}, token=agent)).status == 404
    assert (await house.ask("POST", f"{path}/transfer", {"to": "queue:none"}, token=agent)).status == 404


async def test_consulted_colleague_is_rung_answers_and_takes_over(house: WebHouse) -> None:
    session, ann, _ = await house.talk()
    path = f"/api/v1/sessions/{session}"
    bob, desk = await _ready(house, "bob")
    asked = await house.ask("POST", f"{path}/consult", {"agent_id": "bob"}, token=ann)
    assert asked.json["consultation"] == {"by": "agent-2", "colleague": None, "with_customer": False}
    assert (await desk.wait_frame("offer"))["session"]["id"] == session
    assert await _state(house, bob) == ("offered", session)
    accepted = await house.ask("POST", f"{path}/accept", {"sdp": OFFER}, token=bob)
    assert accepted.json["session"]["consultation"]["colleague"] == "agent-3"
    swapped = await house.ask("POST", f"{path}/consult/swap", {}, token=ann)
    assert swapped.json["consultation"]["with_customer"]
    done = await house.ask("POST", f"{path}/consult/complete", {}, token=ann)
    assert (done.json["agent_id"], done.json["consultation"]) == ("bob", None)
    assert await _state(house, ann) == ("available", None)
    assert await _state(house, bob) == ("busy", session)
    await house.ask("POST", f"{path}/hangup", {}, token=bob)
    assert await _state(house, bob) == ("wrap_up", session)


async def test_colleague_who_declines_or_is_called_off_leaves_the_customer_where_he_was(house: WebHouse) -> None:
    session, ann, _ = await house.talk()
    path = f"/api/v1/sessions/{session}"
    bob, desk = await _ready(house, "bob")
    await house.ask("POST", f"{path}/consult", {"agent_id": "bob"}, token=ann)
    called_off = await house.ask("POST", f"{path}/consult/cancel", {}, token=ann)
    assert called_off.json["consultation"] is None
    await desk.wait_frame("offer_withdrawn")
    assert await _state(house, bob) == ("available", None)
    await house.ask("POST", f"{path}/consult", {"agent_id": "bob"}, token=ann)
    assert (await house.ask("POST", f"{path}/decline", {}, token=bob)).status == 204
    assert await _state(house, bob) == ("break", None)
    after = (await house.ask("GET", path, token=ann)).json
    assert (after["state"], after["consultation"], after["agent_id"]) == ("talking", None, "ann")


async def test_colleague_who_lets_it_ring_gives_the_customer_back(house: WebHouse) -> None:
    session, ann, _ = await house.talk()
    bob, _ = await _ready(house, "bob")
    await house.ask("POST", f"/api/v1/sessions/{session}/consult", {"agent_id": "bob"}, token=ann)
    house.house.clock.advance(31)
    assert await _state(house, bob) == ("break", None)
    assert (await house.ask("GET", f"/api/v1/sessions/{session}", token=ann)).json["consultation"] is None


async def test_blind_transfer_rings_the_agent_it_names_and_frees_the_one_who_asked(house: WebHouse) -> None:
    session, ann, _ = await house.talk()
    path = f"/api/v1/sessions/{session}"
    bob, desk = await _ready(house, "bob")
    moved = await house.ask("POST", f"{path}/transfer", {"to": "agent:bob"}, token=ann)
    assert (moved.json["state"], moved.json["agent_id"]) == ("offered", None)
    await desk.wait_frame("offer")
    assert await _state(house, ann) == ("available", None)
    assert (await house.ask("POST", f"{path}/accept", {"sdp": OFFER}, token=bob)).status == 201
    await house.ask("PUT", "/api/v1/agents/me/state", {"state": "break"}, token=ann)
    queued = await house.ask("POST", f"{path}/transfer", {"to": "queue:support"}, token=bob)
    assert queued.json["state"] in ("queued", "offered")
    state = (await house.ask("GET", path, token=house.token("sue"))).json
    assert state["queue"] == "support"
