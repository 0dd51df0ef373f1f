"""What is kept of an object."""

from perennial.observe.projection import pack, project, unpack

TRAINING = {
    "apiVersion": "perennial.dev/v1alpha1",
    "kind": "ModelTraining",
    "metadata": {
        "name": "m",
        "namespace": "n",
        "uid": "u",
        "resourceVersion": "7",
        "generation": 2,
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{…}", "perennial.dev/retry": "1"},
    },
    "spec": {"seed": 1},
    "status": {"conditions": []},
}


def test_what_no_decision_reads_is_dropped_and_the_rest_is_whole() -> None:
    kept = project(TRAINING)
    assert kept["spec"] == TRAINING["spec"]
    assert kept["status"] == TRAINING["status"]
    assert kept["metadata"] == {
        "name": "m",
        "namespace": "n",
        "uid": "u",
        "generation": 2,
        "annotations": {"perennial.dev/retry": "1"},
    }


def test_a_change_that_no_decision_reads_leaves_the_bytes_as_they_are() -> None:
    other = {**TRAINING, "metadata": {**TRAINING["metadata"], "resourceVersion": "8", "managedFields": []}}
    assert pack(other) == pack(TRAINING)
    assert pack({**TRAINING, "spec": {"seed": 2}}) != pack(TRAINING)


def test_packing_keeps_every_value() -> None:
    assert unpack(pack(TRAINING)) == project(TRAINING)


def test_of_a_job_the_template_goes_and_the_state_stays() -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"suspend": True, "template": {"spec": {}}},
        "status": {"failed": 1},
    }
    assert project(job)["spec"] == {"suspend": True}
    assert project(job)["status"] == {"failed": 1}


def test_of_a_pod_the_node_and_the_containers_states_stay() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"nodeName": "a", "containers": [{"name": "x"}]},
        "status": {"phase": "Running", "hostIP": "1.2.3.4", "containerStatuses": [{"name": "x"}]},
    }
    assert project(pod)["spec"] == {"nodeName": "a"}
    assert project(pod)["status"] == {"phase": "Running", "containerStatuses": [{"name": "x"}]}


def test_a_config_map_keeps_its_data() -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}}
    assert project(body) == body
