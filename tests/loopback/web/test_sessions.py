"""A customer's page and an agent's desk, over HTTP, on a real Exchange and real routing."""

import pytest

from mediaswitch.ids import SessionId
from mediaswitch.session import SessionState
from tests.support.web_house import OFFER, OTHER_TENANT, WebHouse

pytestmark = pytest.mark.loopback


async def test_public_config_lists_what_customers_may_call(house: WebHouse) -> None:
    answer = await house.ask("GET", "/api/v1/public/config")
    assert answer.json == {
        "tenant": "default",
        "entries": [{"to": "queue:support", "label": {"en": "Support"}}, {"to": "1000", "label": {}}],
        "languages": ["zh", "en"],
    }


async def test_customer_call_starts_a_session_with_an_answer_and_a_token_of_its_own(house: WebHouse) -> None:
    placed = await house.call(name="Kim", language="zh", video=True)
    session = placed["session"]
    assert (placed["sdp"], session["channel"], session["language"]) == ("answer", "web", "zh")
    assert session["customer"] == {"number": None, "name": "Kim"}
    leg = session["participants"][0]["legs"][0]
    assert leg["id"] == placed["leg_id"]
    assert [track["kind"] for track in leg["tracks"]] == ["audio", "camera", "screen"]
    seen = await house.ask("GET", f"/api/v1/sessions/{session['id']}", token=placed["token"])
    assert seen.status == 200


async def test_customer_cannot_reach_a_number_that_is_not_offered_to_the_public(house: WebHouse) -> None:
    """Number 9 is a bridge to a trunk: a stranger must not phone at the house's cost."""
    answer = await house.ask("POST", "/api/v1/public/calls", {"to": "9", "sdp": OFFER})
    assert answer.status == 404
    assert house.house.exchange.sessions() == []


async def test_bad_sdp_offer_is_told_and_leaves_no_session_or_port(house: WebHouse) -> None:
    answer = await house.ask("POST", "/api/v1/public/calls", {"to": "1000", "sdp": "hello"})
    assert (answer.status, answer.json["detail"]) == (422, "SDP offer: line 1: v=0 expected")
    assert house.house.exchange.sessions() == []
    assert house.house.core.open == set()


async def test_calls_of_one_address_are_limited(house: WebHouse) -> None:
    for _ in range(30):
        await house.call()
    answer = await house.ask("POST", "/api/v1/public/calls", {"to": "1000", "sdp": OFFER})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")


async def test_agent_accepts_and_both_sides_hold_mute_share_chat_and_hang_up(house: WebHouse) -> None:
    session, agent, customer = await house.talk()
    path = f"/api/v1/sessions/{session}"
    for token in (agent, customer):
        held = (await house.ask("POST", f"{path}/hold", token=token)).json
        assert held["state"] == "talking"
        assert len(held["held_by"]) == 1
        assert (await house.ask("POST", f"{path}/resume", {}, token=token)).json["held_by"] == []
        muted = (await house.ask("PUT", f"{path}/mute", {"muted": True}, token=token)).json
        assert sum(leg["muted"] for each in muted["participants"] for leg in each["legs"]) == 1
        await house.ask("PUT", f"{path}/mute", {"muted": False}, token=token)
        shared = (await house.ask("POST", f"{path}/share", {"kind": "screen", "active": True}, token=token)).json
        assert "screen" in _active_kinds(shared)
        await house.ask("POST", f"{path}/share", {"kind": "screen", "active": False}, token=token)
        assert (await house.ask("POST", f"{path}/messages", {"text": "你好"}, token=token)).status == 201
        assert (await house.ask("POST", f"{path}/reoffer", {"sdp": OFFER}, token=token)).json == {
            "sdp": "another answer"
        }
    ended = (await house.ask("POST", f"{path}/hangup", {}, token=customer)).json
    assert (ended["state"], ended["end_reason"]) == ("wrap_up", "hangup")
    assert (await house.ask("POST", f"{path}/hangup", {}, token=agent)).status == 200


def _active_kinds(session: dict[str, object]) -> set[str]:
    participants = session["participants"]
    assert isinstance(participants, list)
    legs = [leg for participant in participants for leg in participant["legs"]]
    return {track["kind"] for leg in legs for track in leg["tracks"] if track["active"]}


async def test_wrap_up_ends_when_the_agent_says_so(house: WebHouse) -> None:
    session, agent, _ = await house.talk()
    path = f"/api/v1/sessions/{session}"
    assert (await house.ask("POST", f"{path}/wrapup/end", {}, token=agent)).status == 409
    await house.ask("POST", f"{path}/hangup", {}, token=agent)
    wrapping = (await house.ask("GET", "/api/v1/agents/me", token=agent)).json
    assert (wrapping["state"], wrapping["session_id"]) == ("wrap_up", session)
    after = await house.ask("POST", f"{path}/wrapup/end", {}, token=agent)
    assert (after.status, after.json["state"]) == (200, "available")
    past = (await house.ask("GET", path, token=agent)).json
    assert (past["state"], past["agent_id"]) == ("ended", "ann")  # by now it lives in the store alone
    assert house.house.exchange.sessions() == []


async def test_offer_of_another_agent_cannot_be_taken_or_declined(house: WebHouse) -> None:
    ann, bob = house.token("ann"), house.token("bob")
    await house.live(ann)
    await house.ask("PUT", "/api/v1/agents/me/state", {"state": "available"}, token=ann)
    session = (await house.call())["session"]["id"]
    house.queue(session)
    path = f"/api/v1/sessions/{session}"
    assert (await house.ask("POST", f"{path}/accept", {"sdp": OFFER}, token=bob)).status == 409
    assert (await house.ask("POST", f"{path}/decline", {}, token=bob)).status == 409
    assert (await house.ask("POST", f"{path}/decline", {}, token=ann)).status == 204
    assert (await house.ask("POST", f"{path}/accept", {"sdp": OFFER}, token=ann)).status == 409
    assert (await house.ask("GET", "/api/v1/agents/me", token=ann)).json["state"] == "break"


async def test_offer_with_bad_sdp_is_refused_and_stays_an_offer(house: WebHouse) -> None:
    ann = house.token("ann")
    await house.live(ann)
    await house.ask("PUT", "/api/v1/agents/me/state", {"state": "available"}, token=ann)
    session = (await house.call())["session"]["id"]
    house.queue(session)
    assert (await house.ask("POST", f"/api/v1/sessions/{session}/accept", {"sdp": "x"}, token=ann)).status == 422
    assert house.house.exchange.session(SessionId(session)).state is SessionState.OFFERED


async def test_customer_digits_are_on_the_timeline(house: WebHouse) -> None:
    placed = await house.call("1000")
    path, token = f"/api/v1/sessions/{placed['session']['id']}", placed["token"]
    house.house.exchange.start_flow(SessionId(placed["session"]["id"]), "main")
    assert (await house.ask("POST", f"{path}/digits", {"digits": "12#"}, token=token)).status == 204
    events = (await house.ask("GET", f"{path}/timeline", token=token)).json["events"]
    assert [event["digit"] for event in events if event["type"] == "digit"] == ["1", "2", "#"]


async def test_timeline_counts_milliseconds_from_the_start_of_the_session(house: WebHouse) -> None:
    placed = await house.call()
    house.house.clock.advance(1.5)
    house.queue(placed["session"]["id"])
    sue = house.token("sue")
    events = (await house.ask("GET", f"/api/v1/sessions/{placed['session']['id']}/timeline", token=sue)).json["events"]
    assert (events[0]["type"], events[0]["seq"], events[0]["at_ms"]) == ("session_started", 1, 0)
    assert [event["at_ms"] for event in events if event["type"] == "queued"] == [1500.0]


async def test_customer_does_not_see_offers_to_agents(house: WebHouse) -> None:
    session, agent, customer = await house.talk()
    path = f"/api/v1/sessions/{session}/timeline"
    theirs = {event["type"] for event in (await house.ask("GET", path, token=customer)).json["events"]}
    ours = {event["type"] for event in (await house.ask("GET", path, token=agent)).json["events"]}
    assert {"offered", "accepted"} <= ours - theirs
    assert "talking" in theirs


async def test_session_is_open_to_its_people_and_overseers_alone(house: WebHouse) -> None:
    session, agent, customer = await house.talk()
    stranger = (await house.call())["token"]
    path = f"/api/v1/sessions/{session}"
    for token in (agent, customer, house.token("sue"), house.token("ada"), house.token("rex")):
        assert (await house.ask("GET", path, token=token)).status == 200
    for token in (stranger, house.token("bob"), house.token("zoe", OTHER_TENANT)):
        assert (await house.ask("GET", path, token=token)).status == 404
        assert (await house.ask("GET", f"{path}/timeline", token=token)).status == 404
    for action in ("hold", "resume", "hangup"):
        assert (await house.ask("POST", f"{path}/{action}", token=stranger)).status == 404
        assert (await house.ask("POST", f"{path}/{action}", token=house.token("bob"))).status == 404
    assert house.house.exchange.session(SessionId(session)).state is SessionState.TALKING


async def test_list_of_sessions_holds_what_one_may_see(house: WebHouse) -> None:
    session, agent, _ = await house.talk()
    waiting = (await house.call())["session"]["id"]

    async def seen(token: str) -> set[str]:
        return {each["id"] for each in (await house.ask("GET", "/api/v1/sessions?state=live", token=token)).json}

    assert await seen(agent) == {session}
    assert await seen(house.token("sue")) == {session, waiting}
    assert await seen(house.token("zoe", OTHER_TENANT)) == set()


async def test_agents_see_themselves_and_supervisors_all(house: WebHouse) -> None:
    ann, sue = house.token("ann"), house.token("sue")
    assert [each["id"] for each in (await house.ask("GET", "/api/v1/agents", token=ann)).json] == ["ann"]
    everybody = (await house.ask("GET", "/api/v1/agents", token=sue)).json
    assert [each["id"] for each in everybody] == ["ann", "bob"]
    assert everybody[0]["since"] == "2027-01-15T08:00:00.000Z"  # offline since the server started


async def test_agent_who_talks_cannot_go_on_break(house: WebHouse) -> None:
    _, agent, _ = await house.talk()
    answer = await house.ask("PUT", "/api/v1/agents/me/state", {"state": "break"}, token=agent)
    assert answer.status == 409


async def test_queue_figures_tell_how_long_the_first_has_waited(house: WebHouse) -> None:
    house.queue((await house.call())["session"]["id"])
    house.house.clock.advance(12)
    queues = (await house.ask("GET", "/api/v1/queues", token=house.token("ann"))).json
    assert [(each["name"], each["waiting"], each["longest_wait_s"]) for each in queues] == [("support", 1, 12.0)]
    assert queues[0]["label"]["zh"] == "客服"


async def test_agent_presses_digits_towards_the_customer_and_masks_his(house: WebHouse) -> None:
    session, agent, customer = await house.talk()
    path = f"/api/v1/sessions/{session}"
    pressed = await house.ask("POST", f"{path}/send-digits", {"digits": "12#"}, token=agent)
    assert pressed.status == 204
    assert [digits for _, digits in house.house.core.sent] == ["12#"]
    assert (await house.ask("PUT", f"{path}/mask", {"on": True}, token=agent)).status == 204
    assert len(house.house.core.masked) == 1
    assert (await house.ask("PUT", f"{path}/mask", {"on": False}, token=agent)).status == 204
    assert house.house.core.masked == set()
    for token, status in ((customer, 403), (house.token("bob"), 404)):
        assert (await house.ask("PUT", f"{path}/mask", {"on": True}, token=token)).status == status
    gone = {"digits": "1", "participant_id": "p9"}
    assert (await house.ask("POST", f"{path}/send-digits", gone, token=agent)).status == 404
    assert (await house.ask("POST", f"{path}/send-digits", {"digits": "x"}, token=agent)).status == 422
