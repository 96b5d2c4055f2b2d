"""docs/openapi.json is the API's."""

import json
from pathlib import Path

from hub.api.app import openapi

DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_written_document_is_the_apis() -> None:
    assert json.loads(DOCUMENT.read_text()) == openapi()


def test_every_error_is_a_problem_and_every_operation_has_its_own_name() -> None:
    operations = [operation for methods in openapi()["paths"].values() for operation in methods.values()]
    for operation in operations:
        problem = operation["responses"]["default"]["content"]["application/json"]["schema"]["$ref"]
        assert problem.endswith("/Problem")
        assert "422" not in operation["responses"]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
