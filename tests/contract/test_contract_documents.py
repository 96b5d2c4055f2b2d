"""The generated documents say what the code says."""

from pathlib import Path

import jsonschema
import msgspec
import pytest

from campushub.documents import documents
from contract.describe import schemas
from contract.messages import Ack, Birth, Event, EventBatch, Text, encode

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.mark.parametrize("name", ["asyncapi.yaml", "schemas.json", "openapi.json"])
def test_document_is_generated_from_the_code(name):
    assert (DOCS / name).read_text(encoding="utf-8") == documents()[name], "run: campushub contract"


@pytest.mark.parametrize("message", [
    Ack(lane="live", epoch="e", seq=3),
    EventBatch(epoch="e", seq=1, floor=1, sent_ms=5, events=[Event(kind="door.opened", at_ms=4, door="d")]),
    Birth(gateway="g", name=Text("Gate", "门"), epoch="e", boot="b", at_ms=1),
], ids=lambda message: type(message).__name__)
def test_messages_fit_their_schema(message):
    document = schemas()
    wire = msgspec.json.decode(encode(message))
    jsonschema.validate(wire, {"$ref": f"#/$defs/{type(message).__name__}", "$defs": document["$defs"]})


def test_a_broken_message_does_not_fit():
    document = schemas()
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"lane": "live", "epoch": "e", "seq": "three"},
                            {"$ref": "#/$defs/Ack", "$defs": document["$defs"]})
