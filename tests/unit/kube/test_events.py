"""What an event says, and that the same words have the same name."""

from datetime import UTC, datetime, timedelta

from perennial.kube.events import LONGEST_NOTE, event_of

BODY = {
    "apiVersion": "perennial.dev/v1alpha1",
    "kind": "ModelTraining",
    "metadata": {"name": "m", "namespace": "n", "uid": "u"},
}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def event(message: str = "text", at: datetime = NOW) -> dict:
    return event_of(BODY, "Normal", "Approved", "Approve", message, at=at)


def test_the_same_words_have_the_same_name_at_any_time_and_others_another() -> None:
    assert event()["metadata"] == event(at=NOW + timedelta(days=1))["metadata"]
    assert event()["metadata"] != event("other")["metadata"]


def test_it_names_the_object_and_carries_what_the_api_server_demands() -> None:
    said = event()
    assert said["regarding"] | {"resourceVersion": ""} == {
        "apiVersion": "perennial.dev/v1alpha1",
        "kind": "ModelTraining",
        "namespace": "n",
        "name": "m",
        "uid": "u",
        "resourceVersion": "",
    }
    assert said["eventTime"] == "2026-01-02T03:04:05.000000Z"
    assert all(said[field] for field in ("reportingController", "reportingInstance", "action", "reason", "type"))


def test_a_long_message_is_cut_between_characters() -> None:
    note = event("ü" * LONGEST_NOTE)["note"]
    assert len(note.encode()) == LONGEST_NOTE
    assert set(note) == {"ü"}
