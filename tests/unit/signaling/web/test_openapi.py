"""openapi.json is valid OpenAPI 3.1, and its schemas are the models that parse and answer."""

import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from signaling.web.app import all_operations, openapi_json
from signaling.web.operations import Operation

DOCUMENT: dict[str, Any] = json.loads(openapi_json())
OPERATIONS = list(all_operations())


def test_document_is_valid_openapi_3_1() -> None:
    errors = [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()]
    assert errors == []


def test_operation_ids_are_unique() -> None:
    names = [item["operationId"] for path in DOCUMENT["paths"].values() for item in path.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_operation_is_described_as_it_is_declared(operation: Operation) -> None:
    described = DOCUMENT["paths"][operation.path][operation.method.lower()]
    assert described["summary"].endswith((".", "1)."))
    assert bool(described["security"]) is not operation.is_public
    assert str(int(operation.status)) in described["responses"]
    if not operation.takes_query:
        schema = DOCUMENT["components"]["schemas"][operation.takes.__name__]
        assert schema["additionalProperties"] is False
        assert schema.get("properties", {}).keys() == operation.takes.model_fields.keys()
