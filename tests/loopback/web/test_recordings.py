"""The reviewer's side over HTTP: list, manifest with signed addresses, ranges."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from signaling.web.tokens import MEDIA_S
from tests.support.web_house import OTHER_TENANT, WebHouse

pytestmark = pytest.mark.loopback

LENGTH = 100_000


@pytest.fixture(autouse=True)
def files(house: WebHouse) -> None:
    content = bytes(number % 251 for number in range(LENGTH))
    (house.shelf.folder / "rendition.webm").write_bytes(content)
    (house.shelf.folder / "original.mka").write_bytes(content[:1000])
    (house.shelf.folder / "peaks.json").write_text('{"per_second":10,"peaks":[0.5]}')


async def manifest_track(house: WebHouse) -> dict[str, Any]:
    answer = await house.ask("GET", "/api/v1/recordings/s-recorded", token=house.token("rex"))
    assert answer.status == 200
    assert answer.json["duration_ms"] == 2000
    assert answer.json["events"] == [{"seq": 1, "type": "session_started", "at_ms": 0}]
    track: dict[str, Any] = answer.json["tracks"][0]
    assert (track["codec"], track["gaps"], track["sha256"]) == ("opus", [[10, 20]], "00")
    return track


async def test_list_passes_on_what_the_reviewer_looks_for(house: WebHouse) -> None:
    query = "from=2027-01-01T00:00:00Z&to=2027-02-01T00:00:00%2B01:00&q=Kim&agent=ann&queue=support&limit=5&cursor=c"
    answer = await house.ask("GET", f"/api/v1/recordings?{query}", token=house.token("rex"))
    assert [row["session_id"] for row in answer.json["recordings"]] == ["s-recorded"]
    assert (answer.json["recordings"][0]["duration_ms"], answer.json["next_cursor"]) == (2000, None)
    asked = house.shelf.queries[-1]
    assert (asked.tenant, asked.text, asked.agent, asked.queue) == ("default", "Kim", "ann", "support")
    assert asked.since == datetime(2027, 1, 1, tzinfo=UTC)
    assert asked.until == datetime(2027, 1, 31, 23, tzinfo=UTC)
    assert (asked.limit, asked.cursor) == (5, "c")


async def test_list_is_of_the_reviewers_own_tenant(house: WebHouse) -> None:
    await house.ask("GET", "/api/v1/recordings", token=house.token("zoe", OTHER_TENANT))
    assert house.shelf.queries[-1].tenant == "other"


async def test_signed_addresses_play_without_a_header(house: WebHouse) -> None:
    track = await manifest_track(house)
    media = await house.client.get(track["url"])
    assert (media.status, media.content_type, media.headers["Accept-Ranges"]) == (200, "video/webm", "bytes")
    assert len(await media.read()) == LENGTH
    peaks = await house.client.get(track["peaks_url"])
    assert await peaks.json() == {"per_second": 10, "peaks": [0.5]}
    original = await house.client.get(track["original_url"])
    assert original.headers["Content-Disposition"] == 'attachment; filename="s-recorded-original.mka"'
    assert original.content_type == "audio/x-matroska"


async def test_browser_seeks_by_range(house: WebHouse) -> None:
    url = (await manifest_track(house))["url"]
    part = await house.client.get(url, headers={"Range": "bytes=5000-5009"})
    assert (part.status, part.headers["Content-Range"]) == (206, f"bytes 5000-5009/{LENGTH}")
    assert await part.read() == bytes(number % 251 for number in range(5000, 5010))
    beyond = await house.client.get(url, headers={"Range": f"bytes={LENGTH}-"})
    assert beyond.status == 416


async def test_signed_address_opens_nothing_else_and_not_for_ever(house: WebHouse) -> None:
    track = await manifest_track(house)
    token = urlsplit(track["url"]).query
    another = "/api/v1/recordings/s-another/tracks/7/media"
    assert (await house.ask("GET", another, token=house.token("rex"))).status == 200
    assert (await house.ask("GET", f"{another}?{token}")).status == 404
    assert (await house.ask("GET", f"/api/v1/recordings/s-recorded?{token}")).status == 401
    assert (await house.ask("GET", f"/api/v1/me?{token}")).status == 401
    house.house.clock.advance(MEDIA_S + 2)
    assert (await house.ask("GET", track["url"])).status == 401


async def test_reviewer_may_also_ask_with_the_own_token_and_an_agent_may_not(house: WebHouse) -> None:
    path = "/api/v1/recordings/s-recorded/tracks/7/peaks"
    assert (await house.ask("GET", path, token=house.token("rex"))).status == 200
    assert (await house.ask("GET", path, token=house.token("ann"))).status == 403
    assert (await house.ask("GET", path)).status == 401


async def test_track_that_is_still_recorded_is_a_conflict_and_an_unknown_one_not_found(house: WebHouse) -> None:
    token = house.token("rex")
    assert (await house.ask("GET", "/api/v1/recordings/s-recorded/tracks/8/media", token=token)).status == 409
    assert (await house.ask("GET", "/api/v1/recordings/s-recorded/tracks/9/media", token=token)).status == 404
    assert (await house.ask("GET", "/api/v1/recordings/s-else", token=token)).status == 404


async def test_file_that_is_gone_is_not_found(house: WebHouse) -> None:
    url = (await manifest_track(house))["url"]
    (house.shelf.folder / "rendition.webm").unlink()
    answer = await house.ask("GET", url)
    assert (answer.status, answer.json["status"]) == (404, 404)
