"""openapi.json: the declared operations as an OpenAPI 3.1 document."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from signaling.web.operations import PATH_PART, Operation
from signaling.web.principal import Access
from signaling.web.problems import CONTENT_TYPE

PATH = "/api/v1/openapi.json"
_REF = "#/components/schemas/{model}"

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "reason"],
                "properties": {"pointer": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}

_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "media_token": {"type": "apiKey", "in": "query", "name": "token"},
}

_PLAIN_PATHS: dict[str, Any] = {
    "/metrics": {
        "get": {
            "operationId": "metrics",
            "summary": "Figures in the text format of Prometheus.",
            "responses": {"200": {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        }
    },
    PATH: {
        "get": {
            "operationId": "openapi",
            "summary": "This document.",
            "responses": {
                "200": {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}}
            },
        }
    },
    "/api/v1/ws": {
        "get": {
            "operationId": "live_socket",
            "summary": "Live events by WebSocket (RFC 6455): say hello with a token within 5 seconds.",
            "responses": {"101": {"description": "Switching Protocols"}},
        }
    },
}


def document(operations: Iterable[Operation], *, version: str) -> dict[str, Any]:
    """The whole document."""
    operations = list(operations)
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mediaswitch", "version": version},
        "paths": paths | _PLAIN_PATHS,
        "components": {"schemas": _schemas(operations), "securitySchemes": _SECURITY_SCHEMES},
    }


def _schemas(operations: list[Operation]) -> dict[str, Any]:
    taken = {(op.takes, "validation") for op in operations if not op.takes_query}
    given = {(op.gives, "serialization") for op in operations if op.gives is not None}
    models = sorted(taken | given, key=lambda each: each[0].__name__)
    _, schema = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]  # a set of pairs by kind
    return {**schema["$defs"], "Problem": _PROBLEM}


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [_tag(operation.path)],
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation)],
        "responses": _responses(operation),
        "security": _security(operation),
    }
    if not operation.takes_query:
        required = any(field.is_required() for field in operation.takes.model_fields.values())
        described["requestBody"] = {"required": required, "content": _json(_reference(operation.takes))}
    if not operation.is_public:
        described["x-roles"] = sorted(operation.access)
    return described


def _tag(path: str) -> str:
    return path.removeprefix("/api/v1/").strip("/").split("/")[0]


def _path_parameters(path: str) -> list[dict[str, Any]]:
    schema = {"type": "string", "pattern": f"^{PATH_PART}$"}
    names = re.findall(r"{(\w+)}", path)
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if not operation.takes_query or Access.MEDIA in operation.access:  # the token is a way to authenticate
        return []
    schema = operation.takes.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field}
        for name, field in schema.get("properties", {}).items()
    ]


def _security(operation: Operation) -> list[Mapping[str, list[str]]]:
    if operation.is_public:
        return []
    media: list[Mapping[str, list[str]]] = [{"media_token": []}] if Access.MEDIA in operation.access else []
    return [{"bearer": []}, *media]


def _responses(operation: Operation) -> dict[str, Any]:
    problem = {"content": {CONTENT_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}}
    answers: dict[str, Any] = {str(int(operation.status)): _success(operation)}
    for status in sorted(_error_statuses(operation)):
        answers[str(status)] = {"description": HTTPStatus(status).phrase, **problem}
    return answers


def _success(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {"description": operation.status.phrase}
    if operation.gives is not None:
        schema = _reference(operation.gives)
        described["content"] = _json({"type": "array", "items": schema} if operation.many else schema)
    elif operation.status is HTTPStatus.OK:
        described["content"] = {"*/*": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}}
    return described


def _error_statuses(operation: Operation) -> set[int]:
    statuses = {int(status) for status in operation.errors} | {422}
    if "{" in operation.path:
        statuses.add(404)
    if not operation.is_public:
        statuses |= {401, 403}
    if not operation.takes_query:
        statuses |= {400, 408, 413, 415}
    return statuses


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
