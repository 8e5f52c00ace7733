"""Logging in, over HTTP."""

import pytest

from signaling.web.refresh import LEEWAY_S, REFRESH_S
from signaling.web.tokens import ACCESS_S
from tests.support.web_house import PASSWORD, WebHouse

pytestmark = pytest.mark.loopback


async def test_right_password_gives_tokens_and_who_one_is(house: WebHouse) -> None:
    answer = await house.ask("POST", "/api/v1/login", {"username": "ann", "password": PASSWORD})
    assert answer.status == 200
    assert answer.json["expires_in"] == 900
    assert answer.json["user"] == {
        "id": "ann",
        "name": "Ann",
        "role": "agent",
        "tenant": "default",
        "language": "en",
    }
    me = await house.ask("GET", "/api/v1/me", token=answer.json["access_token"])
    assert me.json == answer.json["user"]


@pytest.mark.parametrize(
    "body",
    [
        {"username": "ann", "password": "wrong"},
        {"username": "nobody", "password": PASSWORD},
        {"username": "ann", "password": PASSWORD, "tenant": "other"},
    ],
)
async def test_wrong_password_name_or_tenant_are_refused_alike(house: WebHouse, body: dict[str, str]) -> None:
    answer = await house.ask("POST", "/api/v1/login", body)
    assert answer.status == 401
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json["detail"] == "wrong name or password"


async def test_guessing_a_password_is_slowed_down_but_not_for_ever(house: WebHouse) -> None:
    guess = {"username": "ann", "password": "guess"}
    statuses = [(await house.ask("POST", "/api/v1/login", guess)).status for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    refused = await house.ask("POST", "/api/v1/login", {"username": "ann", "password": PASSWORD})
    assert refused.status == 429
    house.house.clock.advance(int(refused.headers["Retry-After"]))
    assert (await house.ask("POST", "/api/v1/login", {"username": "ann", "password": PASSWORD})).status == 200


async def test_access_token_ends_after_fifteen_minutes(house: WebHouse) -> None:
    token = house.token("ann")
    house.house.clock.advance(ACCESS_S - 1)
    assert (await house.ask("GET", "/api/v1/me", token=token)).status == 200
    house.house.clock.advance(1)
    answer = await house.ask("GET", "/api/v1/me", token=token)
    assert (answer.status, answer.json["detail"]) == (401, "the token has expired")


async def _refresh(house: WebHouse, token: str) -> tuple[int, str]:
    answer = await house.ask("POST", "/api/v1/login/refresh", {"refresh_token": token})
    return answer.status, answer.json.get("refresh_token", "")


async def _first_refresh_token(house: WebHouse) -> str:
    answer = await house.ask("POST", "/api/v1/login", {"username": "ann", "password": PASSWORD})
    return str(answer.json["refresh_token"])


async def test_refresh_token_is_replaced_by_each_use(house: WebHouse) -> None:
    first = await _first_refresh_token(house)
    status, second = await _refresh(house, first)
    assert (status, second != first) == (200, True)
    assert (await _refresh(house, second))[0] == 200


async def test_copied_refresh_token_ends_the_login_of_thief_and_owner(house: WebHouse) -> None:
    first = await _first_refresh_token(house)
    _, second = await _refresh(house, first)
    house.house.clock.advance(LEEWAY_S + 1)
    assert (await _refresh(house, first))[0] == 401
    assert (await _refresh(house, second))[0] == 401


async def test_refresh_whose_answer_was_lost_can_be_asked_again_at_once(house: WebHouse) -> None:
    first = await _first_refresh_token(house)
    await _refresh(house, first)
    status, second = await _refresh(house, first)
    assert status == 200
    assert (await _refresh(house, second))[0] == 200


async def test_refresh_token_ends_after_two_weeks(house: WebHouse) -> None:
    first = await _first_refresh_token(house)
    house.house.clock.advance(REFRESH_S)
    assert (await _refresh(house, first))[0] == 401


async def test_no_kind_of_token_serves_for_another(house: WebHouse) -> None:
    refresh, access = await _first_refresh_token(house), house.token("ann")
    customer = (await house.call())["token"]
    assert (await house.ask("GET", "/api/v1/me", token=refresh)).status == 401
    assert (await house.ask("GET", "/api/v1/me", token=customer)).status == 403
    assert (await _refresh(house, access))[0] == 401
    assert (await house.ask("GET", f"/api/v1/recordings/s-recorded/tracks/7/media?token={access}")).status == 401
