"""Every operation against whatever a client may get wrong: always a clear 4xx problem, and the server serves on."""

import json
import re
from typing import Any

import pytest

from signaling.web.app import all_operations
from signaling.web.limits import BODY_BYTES
from signaling.web.operations import Operation
from signaling.web.principal import Access
from tests.support.web_house import WebHouse

pytestmark = pytest.mark.loopback

OPERATIONS = list(all_operations())
WITH_BODY = [operation for operation in OPERATIONS if not operation.takes_query]
WITH_FIELDS = [operation for operation in WITH_BODY if operation.takes.model_fields]
GUARDED = [operation for operation in OPERATIONS if not operation.is_public]
USER_OF = {"agent": "ann", "supervisor": "sue", "reviewer": "rex", "admin": "ada"}


def names(operations: list[Operation]) -> list[str]:
    return [operation.name for operation in operations]


def path_of(operation: Operation) -> str:
    return re.sub(r"\{\w+\}", "s-0000000000000000", operation.path)


async def token_for(house: WebHouse, operation: Operation) -> str | None:
    """Of somebody who may use the operation."""
    for role, user in USER_OF.items():
        if Access(role) in operation.access:
            return house.token(user)
    return None if operation.is_public else str((await house.call())["token"])


async def assert_problem(house: WebHouse, operation: Operation, *statuses: int, **request: Any) -> Any:
    answer = await house.ask(operation.method, path_of(operation), **request)
    assert answer.status in statuses, f"{operation.name}: {answer.status} {answer.text[:300]}"
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json
    assert problem["status"] == answer.status
    assert problem["title"]
    assert problem["detail"]
    assert (await house.ask("GET", "/healthz")).status == 200
    return problem


NOT_JSON = [b"{", b"nonsense", b'{"a":1}}', b"\xff\xfe", b"[" * 50_000, b'{"a":' * 50_000, b'{"x":"\\ud800"}']
NO_OBJECT = ["[]", "null", "7", '"text"', "[{}]"]
WRONG_VALUES: list[object] = [1.5, {}, [], "x" * 70_000]
BAD_TOKENS = ["", "Bearer", "Bearer ", "Basic YW5uOng=", "Bearer a.b.c", "Bearer " + "x" * 4000, "Bearer é"]


@pytest.mark.parametrize("operation", WITH_BODY, ids=names(WITH_BODY))
async def test_body_that_is_not_json_is_refused(house: WebHouse, operation: Operation) -> None:
    token = await token_for(house, operation)
    for body in NOT_JSON:
        await assert_problem(house, operation, 400, body=body, token=token)


@pytest.mark.parametrize("operation", WITH_BODY, ids=names(WITH_BODY))
async def test_json_that_is_no_object_is_refused(house: WebHouse, operation: Operation) -> None:
    token = await token_for(house, operation)
    for body in NO_OBJECT:
        await assert_problem(house, operation, 422, body=body, token=token)


@pytest.mark.parametrize("operation", WITH_BODY, ids=names(WITH_BODY))
async def test_unknown_field_is_named_and_refused(house: WebHouse, operation: Operation) -> None:
    token = await token_for(house, operation)
    problem = await assert_problem(house, operation, 422, body={"un/known~": 1}, token=token)
    assert "/un~1known~0" in {error["pointer"] for error in problem["errors"]}


@pytest.mark.parametrize("operation", WITH_FIELDS, ids=names(WITH_FIELDS))
async def test_missing_fields_are_named(house: WebHouse, operation: Operation) -> None:
    problem = await assert_problem(house, operation, 422, body={}, token=await token_for(house, operation))
    required = {f"/{name}" for name, field in operation.takes.model_fields.items() if field.is_required()}
    assert {error["pointer"] for error in problem["errors"]} == required


@pytest.mark.parametrize("operation", WITH_FIELDS, ids=names(WITH_FIELDS))
async def test_wrong_type_or_length_of_any_field_is_named(house: WebHouse, operation: Operation) -> None:
    token = await token_for(house, operation)
    for name in operation.takes.model_fields:
        for value in WRONG_VALUES:
            problem = await assert_problem(house, operation, 422, body={name: value}, token=token)
            assert name in {error["pointer"].split("/")[1] for error in problem["errors"]}


@pytest.mark.parametrize("operation", WITH_BODY, ids=names(WITH_BODY))
async def test_huge_body_is_refused(house: WebHouse, operation: Operation) -> None:
    body = json.dumps({"x": "y" * BODY_BYTES})
    await assert_problem(house, operation, 413, body=body, token=await token_for(house, operation))


@pytest.mark.parametrize("operation", WITH_BODY, ids=names(WITH_BODY))
async def test_body_of_another_type_is_refused(house: WebHouse, operation: Operation) -> None:
    headers = {"Content-Type": "text/plain"}
    token = await token_for(house, operation)
    await assert_problem(house, operation, 415, body="{}", headers=headers, token=token)


@pytest.mark.parametrize("operation", GUARDED, ids=names(GUARDED))
async def test_guarded_operation_wants_a_good_token(house: WebHouse, operation: Operation) -> None:
    await assert_problem(house, operation, 401)
    for header in BAD_TOKENS:
        await assert_problem(house, operation, 401, headers={"Authorization": header})


@pytest.mark.parametrize("operation", GUARDED, ids=names(GUARDED))
async def test_guarded_operation_is_closed_to_other_roles(house: WebHouse, operation: Operation) -> None:
    for role, user in USER_OF.items():
        if Access(role) not in operation.access:
            await assert_problem(house, operation, 403, token=house.token(user))
    if Access.CUSTOMER not in operation.access:
        await assert_problem(house, operation, 403, token=(await house.call())["token"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=names(OPERATIONS))
async def test_wrong_method_names_the_right_ones(house: WebHouse, operation: Operation) -> None:
    answer = await house.ask("DELETE", path_of(operation))
    assert answer.status == 405
    assert operation.method in answer.headers["Allow"]
    assert answer.json["status"] == 405


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=many", "limit=201", "from=yesterday", "from=2027-01-01T00:00:00", "colour=red"]
)
async def test_bad_query_is_named(house: WebHouse, query: str) -> None:
    answer = await house.ask("GET", f"/api/v1/recordings?{query}", token=house.token("rex"))
    assert answer.status == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [f"/{query.split('=')[0]}"]


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v1/sessions/../x", "/api/v1/sessions/%00", "/api", "/%2e%2e/x"]
)
async def test_unknown_path_is_a_problem_too(house: WebHouse, path: str) -> None:
    answer = await house.ask("GET", path)
    assert answer.status == 404
    assert answer.json["status"] == 404


async def test_failure_of_ours_is_a_bare_500_that_tells_nothing(
    house: WebHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.router, "get", lambda _agent: 1 / 0)
    answer = await house.ask("GET", "/api/v1/agents/me", token=house.token("ann"))
    assert answer.status == 500
    assert "division" not in answer.text
