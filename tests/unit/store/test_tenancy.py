"""The policies of roles as documents; that a server obeys them is proved in the integration tests."""

import json

import pytest

from perennial.store.tenancy import ADMIN, AccessKey, iam_policy, identity_name, seaweed_identities

NAMES = (ADMIN, "operator", "trainer-x", "server-x", "trainer-y", "server-y")
KEYS = {name: AccessKey(f"AK-{name}", f"secret-of-{name}") for name in NAMES}


def test_the_policy_of_a_trainer_is_exactly_this() -> None:
    assert iam_policy("trainer", "x", "b") == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": [
                    "arn:aws:s3:::b/datasets/x/*",
                    "arn:aws:s3:::b/registry/x/*/runs/*",
                    "arn:aws:s3:::b/registry/x/_windows/*",
                    "arn:aws:s3:::b/registry/x/_payloads/*",
                ],
            },
            {
                "Effect": "Allow",
                "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
                "Resource": ["arn:aws:s3:::b/registry/x/*/runs/*"],
            },
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": ["arn:aws:s3:::b"],
                "Condition": {
                    "StringLike": {
                        "s3:prefix": [
                            "datasets/x/*",
                            "registry/x/*/runs/*",
                            "registry/x/_windows/*",
                            "registry/x/_payloads/*",
                        ]
                    }
                },
            },
            {
                "Effect": "Allow",
                "Action": ["s3:DeleteObject"],
                "Resource": ["arn:aws:s3:::b/registry/x/*/runs/*/checkpoint/*"],
            },
            {
                "Effect": "Deny",
                "Action": ["s3:PutObject", "s3:DeleteObject"],
                "Resource": ["arn:aws:s3:::b/registry/x/*/runs/*/version.json"],
            },
        ],
    }


@pytest.mark.parametrize("namespace", ["*", "x*", "x?", "", "X", "a/b", "a" * 64, "-a", "${aws:username}"])
def test_a_namespace_that_would_reach_others_as_a_pattern_is_refused(namespace: str) -> None:
    with pytest.raises(ValueError, match="is no namespace"):
        iam_policy("trainer", namespace, "b")


def test_each_identity_of_the_embedded_server_has_its_own_key_and_the_policy_of_its_name() -> None:
    config = seaweed_identities(["y", "x", "x"], KEYS)
    assert [i["name"] for i in config["identities"]] == [*NAMES]
    for identity in config["identities"][1:]:
        assert identity["policyNames"] == [identity["name"]]
        assert "actions" not in identity
        assert identity["credentials"] == [
            {"accessKey": f"AK-{identity['name']}", "secretKey": f"secret-of-{identity['name']}"}
        ]
    policies = {p["name"]: json.loads(p["content"]) for p in config["policies"]}
    assert policies["trainer-x"] == iam_policy("trainer", "x", "perennial")
    assert sorted(policies) == sorted(NAMES[1:])


def test_a_missing_or_shared_key_is_refused() -> None:
    with pytest.raises(KeyError, match="trainer-z"):
        seaweed_identities(["z"], KEYS)
    shared = {**KEYS, "server-x": AccessKey("AK-trainer-x", "other")}
    with pytest.raises(ValueError, match="two identities"):
        seaweed_identities(["x"], shared)


def test_a_key_does_not_show_its_secret() -> None:
    assert "secret-of-admin" not in repr(KEYS)


def test_identities_are_named_by_role_and_namespace() -> None:
    assert identity_name("operator") == "operator"
    assert identity_name("server", "x") == "server-x"
