"""The live socket: hello, topics, offers, presence, and clients that misbehave."""

import asyncio
import json

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from mediaswitch.ids import SessionId
from mediaswitch.timeline import EndReason
from signaling.web import socket, subscriber
from tests.support.web_house import OFFER, OTHER_TENANT, WebHouse

pytestmark = pytest.mark.loopback


async def test_agent_is_welcomed_with_her_state_and_sessions(house: WebHouse) -> None:
    session, agent, _ = await house.talk()
    _, welcome = await house.live(agent)
    assert welcome["user"]["id"] == "ann"
    assert (welcome["agent"]["state"], welcome["agent"]["session_id"]) == ("busy", session)
    assert [each["id"] for each in welcome["sessions"]] == [session]


async def test_customer_is_welcomed_with_the_own_session_alone(house: WebHouse) -> None:
    first, second = await house.call(name="Kim"), await house.call()
    live, welcome = await house.live(first["token"])
    assert (welcome["user"]["role"], welcome["agent"]) == ("customer", None)
    assert [each["id"] for each in welcome["sessions"]] == [first["session"]["id"]]
    house.queue(second["session"]["id"])
    house.queue(first["session"]["id"])
    assert (await live.wait_frame("session"))["session"]["id"] == first["session"]["id"]


async def test_offer_reaches_the_agent_with_its_time_and_is_withdrawn_when_the_caller_goes(house: WebHouse) -> None:
    token = house.token("ann")
    live, _ = await house.live(token)
    await house.ask("PUT", "/api/v1/agents/me/state", {"state": "available"}, token=token)
    placed = await house.call(name="Kim")
    session = placed["session"]["id"]
    house.queue(session)
    offer = await live.wait_frame("offer")
    assert (offer["session"]["id"], offer["timeout_s"]) == (session, 20.0)
    assert offer["expires_at"] == "2027-01-15T08:00:20.000Z"
    await house.ask("POST", f"/api/v1/sessions/{session}/hangup", {}, token=placed["token"])
    assert (await live.wait_frame("offer_withdrawn"))["reason"] == "caller_gone"


async def test_agent_who_goes_on_break_while_it_rings_has_declined(house: WebHouse) -> None:
    token = house.token("ann")
    live, _ = await house.live(token)
    await house.ask("PUT", "/api/v1/agents/me/state", {"state": "available"}, token=token)
    house.queue((await house.call())["session"]["id"])
    await live.wait_frame("offer")
    await house.ask("PUT", "/api/v1/agents/me/state", {"state": "break"}, token=token)
    assert (await live.wait_frame("offer_withdrawn"))["reason"] == "declined"


@pytest.mark.parametrize("reason", ["timeout", "declined", "accepted_elsewhere"])
async def test_every_desk_of_the_agent_learns_why_an_offer_is_over(house: WebHouse, reason: str) -> None:
    token = house.token("ann")
    desks = [(await house.live(token))[0] for _ in range(2)]
    await house.ask("PUT", "/api/v1/agents/me/state", {"state": "available"}, token=token)
    session = (await house.call())["session"]["id"]
    house.queue(session)
    if reason == "timeout":
        house.house.clock.advance(20)
    elif reason == "declined":
        await house.ask("POST", f"/api/v1/sessions/{session}/decline", {}, token=token)
    else:
        await house.ask("POST", f"/api/v1/sessions/{session}/accept", {"sdp": OFFER}, token=token)
    for desk in desks:
        assert (await desk.wait_frame("offer_withdrawn", session_id=session))["reason"] == reason


async def test_desk_that_reconnects_while_offered_is_told_the_offer_again(house: WebHouse) -> None:
    token = house.token("ann")
    first, _ = await house.live(token)
    await house.ask("PUT", "/api/v1/agents/me/state", {"state": "available"}, token=token)
    house.queue((await house.call())["session"]["id"])
    await first.wait_frame("offer")
    house.house.clock.advance(5)
    second, _ = await house.live(token)
    assert (await second.wait_frame("offer"))["timeout_s"] == 15.0


async def test_talking_parties_follow_the_session_and_its_events(house: WebHouse) -> None:
    session, agent, customer = await house.talk()
    desk, page = (await house.live(agent))[0], (await house.live(customer))[0]
    await house.ask("POST", f"/api/v1/sessions/{session}/messages", {"text": "hello"}, token=customer)
    for live in (desk, page):
        event = (await live.wait_frame("event", session_id=session))["event"]
        assert (event["type"], event["text"]) == ("chat", "hello")
    await house.ask("POST", f"/api/v1/sessions/{session}/hangup", {}, token=agent)
    await desk.wait_session("wrap_up")
    await page.wait_session("wrap_up")
    await house.ask("POST", f"/api/v1/sessions/{session}/wrapup/end", {}, token=agent)
    await desk.wait_session("ended")


async def test_agent_whose_connection_is_lost_is_told_once_and_has_no_say_any_more(house: WebHouse) -> None:
    session, agent, customer = await house.talk()
    desk, _ = await house.live(agent)
    exchange = house.house.exchange
    leg = exchange.session(SessionId(session)).legs[-1]
    exchange.leg_ended(SessionId(session), leg.id, EndReason.CONNECTION_LOST)
    told = await desk.wait_session("queued")
    assert told["participants"][-1]["legs"][0]["state"] == "ended"
    for action in ("hold", "hangup"):
        assert (await house.ask("POST", f"/api/v1/sessions/{session}/{action}", token=agent)).status == 409
    await house.ask("POST", f"/api/v1/sessions/{session}/messages", {"text": "anybody?"}, token=customer)
    await desk.say({"type": "ping"})
    while (frame := json.loads((await desk.socket.receive(timeout=5)).data))["type"] != "pong":
        assert frame["type"] not in ("event", "session")


async def test_agent_does_not_follow_sessions_of_others(house: WebHouse) -> None:
    bob, _ = await house.live(house.token("bob"))
    await house.talk()
    await bob.say({"type": "ping"})
    frame = json.loads((await bob.socket.receive()).data)
    assert frame == {"type": "pong"}


async def test_supervisor_follows_what_she_subscribes_to_in_her_tenant(house: WebHouse) -> None:
    sue, _ = await house.live(house.token("sue"))
    zoe, _ = await house.live(house.token("zoe", OTHER_TENANT))
    for live in (sue, zoe):
        await live.say({"type": "subscribe", "topics": ["me", "sessions", "agents", "queues"]})
        await live.say({"type": "ping"})
        await live.wait_frame("pong")
    await house.talk()
    await sue.wait_frame("agent")
    await sue.wait_frame("queue")
    await sue.wait_session("talking")
    await zoe.say({"type": "ping"})
    assert json.loads((await zoe.socket.receive()).data) == {"type": "pong"}


@pytest.mark.parametrize("topic", ["sessions", "agents"])
async def test_agent_may_not_subscribe_to_what_is_the_supervisors(house: WebHouse, topic: str) -> None:
    live, _ = await house.live(house.token("ann"))
    await live.say({"type": "subscribe", "topics": [topic]})
    assert (await live.wait_frame("error"))["problem"]["status"] == 403


async def test_last_desk_gone_takes_the_agent_offline_after_the_grace_time(house: WebHouse) -> None:
    token = house.token("ann")
    live, _ = await house.live(token)
    await house.ask("PUT", "/api/v1/agents/me/state", {"state": "available"}, token=token)
    await live.socket.close()
    await _wait_for_sockets(house, 0)
    house.house.clock.advance(9)
    assert (await house.ask("GET", "/api/v1/agents/me", token=token)).json["state"] == "available"
    house.house.clock.advance(1)
    assert (await house.ask("GET", "/api/v1/agents/me", token=token)).json["state"] == "offline"


async def _wait_for_sockets(house: WebHouse, count: int) -> None:
    async with asyncio.timeout(5):
        while f"mediaswitch_live_sockets {count}.0" not in (await house.ask("GET", "/metrics")).text:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("first", "status"),
    [
        ("not json", 400),
        ("[]", 422),
        ('{"type":"ping"}', 401),
        ('{"type":"hello"}', 422),
        ('{"type":"hello","token":7}', 422),
        ('{"type":"hello","token":"nonsense"}', 401),
        ('{"type":"hello","token":"x","more":1}', 422),
        ("[" * 10_000, 400),
    ],
)
async def test_socket_that_does_not_say_hello_properly_is_told_why_and_closed(
    house: WebHouse, first: str, status: int
) -> None:
    live = await house.socket()
    await live.say(first)
    assert (await live.wait_frame("error"))["problem"]["status"] == status
    assert await live.wait_closed() == socket.CLOSE_NOT_WELCOME


async def test_socket_that_says_nothing_is_closed_in_time(house: WebHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "HELLO_TIMEOUT_S", 0.1)
    live = await house.socket()
    assert await live.wait_closed() == socket.CLOSE_NO_HELLO


async def test_sockets_that_do_not_say_hello_cannot_crowd_out_the_server(
    house: WebHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "STRANGERS", 1)
    stranger = await house.socket()
    with pytest.raises(WSServerHandshakeError) as refused:
        await house.socket()
    assert refused.value.status == 503
    await stranger.say({"type": "hello", "token": house.token("ann")})
    await stranger.wait_frame("welcome")
    await house.live(house.token("bob"))


@pytest.mark.parametrize(
    "message", ["{", "7", '{"type":"dance"}', '{"type":"subscribe","topics":["x"]}', '{"type":"hello","token":"t"}']
)
async def test_bad_message_is_answered_with_a_problem_and_the_socket_goes_on(house: WebHouse, message: str) -> None:
    live, _ = await house.live(house.token("ann"))
    await live.say(message)
    assert (await live.wait_frame("error"))["problem"]["status"] in (400, 409, 422)
    await live.say({"type": "ping"})
    await live.wait_frame("pong")


async def test_binary_message_is_a_bad_message(house: WebHouse) -> None:
    live, _ = await house.live(house.token("ann"))
    await live.socket.send_bytes(b"\x00\xff")
    assert (await live.wait_frame("error"))["problem"]["status"] == 400


async def test_client_that_sends_nothing_but_nonsense_is_dropped(house: WebHouse) -> None:
    live, _ = await house.live(house.token("ann"))
    for _ in range(socket.BAD_MESSAGES):
        await live.say("{")
    assert await live.wait_closed() == socket.CLOSE_BAD_MESSAGES


async def test_huge_message_closes_the_socket(house: WebHouse) -> None:
    live, _ = await house.live(house.token("ann"))
    await live.say("x" * (socket.MESSAGE_BYTES + 1))
    assert await live.wait_closed() == 1009


async def test_client_that_does_not_read_is_dropped_and_counted(house: WebHouse) -> None:
    """What waits for it is bounded, and the others go on."""
    session, agent, customer = await house.talk()
    slow, fast = (await house.live(customer))[0], (await house.live(agent))[0]
    connection = slow.socket._response.connection
    assert connection is not None
    assert connection.transport is not None
    connection.transport.pause_reading()  # the kernel's buffers fill, then ours
    texts = 0
    async with asyncio.timeout(30):
        while "mediaswitch_live_sockets_dropped_total 1.0" not in (await house.ask("GET", "/metrics")).text:
            for _ in range(subscriber.QUEUE_FRAMES // 4):
                body = {"text": "x" * 4000}
                await house.ask("POST", f"/api/v1/sessions/{session}/messages", body, token=agent)
                await fast.wait_frame("event")
                texts += 1
    await fast.say({"type": "ping"})
    await fast.wait_frame("pong")
    connection.transport.resume_reading()
    while (message := await slow.socket.receive(timeout=5)).type is WSMsgType.TEXT:
        texts -= 1
    assert message.type in (WSMsgType.CLOSED, WSMsgType.ERROR, WSMsgType.CLOSE)


async def test_shutdown_tells_every_live_socket(house: WebHouse) -> None:
    live, _ = await house.live(house.token("ann"))
    assert house.client.server is not None
    closing = asyncio.create_task(house.client.server.close())
    assert await live.wait_closed() == 1001
    await closing
