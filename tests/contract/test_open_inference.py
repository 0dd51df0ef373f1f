"""The messages that the server speaks over gRPC against the Open Inference Protocol's published .proto."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from perennial.runtime.serving.oip import open_inference_pb2

PUBLISHED = Path(__file__).parent / "open_inference" / "open_inference_grpc.proto"
OURS = Path(__file__).parents[2] / "operator/perennial/runtime/serving/oip/open_inference.proto"
TOKENS = re.compile(
    r"(message|service|enum|oneof)\s+(\w+)\s*\{|(\})|(rpc\s+[^;{]+?)\s*(?:\{\s*\}|;)|([^;{}]+?=\s*\d+)\s*;"
)


def declared(path: Path) -> set[tuple[str, str]]:
    """(where, what) of every field and call: `ModelInferRequest.InferInputTensor`, `repeated int64 shape = 3`."""
    text = re.sub(r"//[^\n]*", "", path.read_text())
    place: list[str] = []
    found = set()
    for match in TOKENS.finditer(text):
        if match[2]:
            place.append(match[2])
        elif match[3]:
            place.pop()
        else:
            found.add((".".join(place), " ".join((match[4] or match[5]).split())))
    assert place == []
    return found


def test_every_published_call_and_field_has_the_same_type_and_number_here() -> None:
    published = declared(PUBLISHED)
    assert ("ModelInferRequest.InferInputTensor", "repeated int64 shape = 3") in published
    assert ("GRPCInferenceService", "rpc ModelInfer(ModelInferRequest) returns (ModelInferResponse)") in published
    assert len(published) > 60
    assert published - declared(OURS) == set()


def generated(messages: Iterable[Any], place: str = "") -> Iterator[tuple[str, str, int]]:
    """(where, field, number) of messages and of those inside them, but for entries of maps."""
    for message in messages:
        inside = f"{place}{message.name}"
        yield from ((inside, field.name, field.number) for field in message.fields)
        nested = [one for one in message.nested_types if not one.GetOptions().map_entry]
        yield from generated(nested, f"{inside}.")


def test_the_generated_module_is_that_of_the_proto() -> None:
    numbered = re.compile(r"(\w+) = (\d+)$")
    expected = {
        (place.removesuffix(".parameter_choice"), match[1], int(match[2]))
        for place, what in declared(OURS)
        if place != "DataType" and (match := numbered.search(what))
    }
    assert set(generated(open_inference_pb2.DESCRIPTOR.message_types_by_name.values())) == expected
