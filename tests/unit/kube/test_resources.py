"""Paths of the API."""

import pytest

from perennial.kube.resources import CHILDREN, OWN_KINDS, Ref, controller_uid, resource_of


@pytest.mark.parametrize(
    ("ref", "subresource", "path"),
    [
        (Ref("ConfigMap", "n", "c"), None, "/api/v1/namespaces/n/configmaps/c"),
        (Ref("Job", "n", "j"), None, "/apis/batch/v1/namespaces/n/jobs/j"),
        (
            Ref("ModelTraining", "n", "m"),
            "status",
            "/apis/perennial.dev/v1alpha1/namespaces/n/modeltrainings/m/status",
        ),
        (Ref("Namespace", "", "n"), None, "/api/v1/namespaces/n"),
    ],
)
def test_objects_have_the_path_that_the_api_server_serves(ref: Ref, subresource: str | None, path: str) -> None:
    assert ref.path(subresource) == path


def test_all_namespaces_are_listed_above_the_namespaces() -> None:
    assert resource_of("Job").path() == "/apis/batch/v1/jobs"


def test_a_kind_that_is_never_touched_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="Secret"):
        resource_of("Secret")


def test_own_kinds_and_children_are_apart() -> None:
    assert not set(OWN_KINDS) & {child.kind for child in CHILDREN}


def test_only_the_controller_owner_counts() -> None:
    owners = [{"uid": "a"}, {"uid": "b", "controller": True}]
    assert controller_uid({"metadata": {"ownerReferences": owners}}) == "b"
    assert controller_uid({"metadata": {"ownerReferences": owners[:1]}}) == ""
    assert controller_uid({"metadata": {}}) == ""
