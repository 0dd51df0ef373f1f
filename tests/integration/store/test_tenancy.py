"""Who reaches what in a real server with the generated configuration: every allowance and every refusal."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from botocore.exceptions import ClientError

from perennial.store import open_store
from perennial.store.inputs import list_inputs
from perennial.store.probe import Safe, probe
from perennial.store.tenancy import ADMIN, AccessKey, seaweed_identities
from tests.support.s3 import s3_client
from tests.support.seaweedfs import SeaweedFS

pytestmark = pytest.mark.s3

BUCKET = "perennial"
NAMES = (ADMIN, "operator", "trainer-x", "server-x", "trainer-y", "server-y")
KEYS = {name: AccessKey(f"AK{name}", f"secret-of-{name}") for name in NAMES}
RUN = "registry/x/m/runs/abc"

READS = {  # key: who may read it
    "datasets/x/a.csv": {"operator", "trainer-x"},
    "datasets/xy/a.csv": {"operator"},
    f"{RUN}/run.json": {"operator", "trainer-x", "server-x"},
    f"{RUN}/version.json": {"operator", "trainer-x", "server-x"},
    "registry/x/m/aliases/approved.json": {"operator", "server-x"},
    "registry/x/m/versions/00000001.json": {"operator", "server-x"},
    "registry/x/m/evaluations/abc/def.json": {"operator", "server-x"},
    "registry/x/_windows/uid/a/s/p.json": {"operator", "trainer-x", "server-x"},
    "registry/x/_payloads/uid/a/s/p.parquet": {"operator", "trainer-x", "server-x"},
    "registry/x/_owner.json": {"operator", "server-x"},
    "registry/xy/m/runs/abc/run.json": {"operator"},
    "elsewhere/file": set(),
}
WRITES = {  # key: who may write it
    "datasets/x/new.csv": set(),
    f"{RUN}/attempts/pod/model.skops": {"operator", "trainer-x"},
    f"{RUN}/run.json": {"operator", "trainer-x"},
    "registry/x/m/runs/keys/k.json": {"operator", "trainer-x"},
    f"{RUN}/version.json": {"operator"},
    "registry/x/m/versions/00000002.json": {"operator"},
    "registry/x/m/aliases/approved.json": {"operator"},
    "registry/x/m/evaluations/abc/new.json": {"operator"},
    "registry/x/_windows/uid/a/s/q.json": {"operator", "server-x"},
    "registry/x/_payloads/uid/a/s/q.parquet": {"operator", "server-x"},
    "registry/x/_owner.json": {"operator"},
    "registry/xy/_windows/uid/a/s/q.json": {"operator"},
    "registry/_probe/p": {"operator"},
    "elsewhere/new": set(),
}
DELETES = {  # key: who may delete it
    "datasets/x/a.csv": set(),
    f"{RUN}/run.json": {"operator"},
    f"{RUN}/version.json": {"operator"},
    f"{RUN}/checkpoint/pod/1": {"operator", "trainer-x"},
    "registry/x/m/versions/00000001.json": {"operator"},
    "registry/x/_windows/uid/a/s/p.json": {"operator"},
}
LISTS = {  # prefix: who may list it
    "": set(),
    "registry/": {"operator"},
    "datasets/": {"operator"},
    "datasets/x/": {"operator", "trainer-x"},
    "datasets/x": {"operator"},
    "registry/x/": {"operator", "server-x"},
    "registry/x/m/runs/": {"operator", "trainer-x", "server-x"},
    "registry/x/m/versions/": {"operator", "server-x"},
    "registry/x/_windows/uid/": {"operator", "trainer-x", "server-x"},
    "registry/xy/": {"operator"},
}
ROLES = NAMES[1:]


def mirrored(table: dict[str, set[str]]) -> list[tuple[str, str, bool]]:
    """(identity, key, whether allowed) for the keys of x as they are and of y with the roles exchanged."""
    other = {"trainer-x": "trainer-y", "server-x": "server-y", "operator": "operator"}
    rows = [(who, key, who in allowed) for (key, allowed), who in product(table.items(), ROLES)]
    for (key, allowed), who in product(table.items(), ROLES):
        if "/x/" in key:
            rows.append((who, key.replace("/x/", "/y/"), who in {other[a] for a in allowed}))
    return rows


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    server = SeaweedFS(tmp_path_factory.mktemp("tenancy"), config=seaweed_identities(["x", "y"], KEYS, BUCKET))
    try:
        server.start()
        client(server, ADMIN).create_bucket(Bucket=BUCKET)
        yield server
    finally:
        server.stop()


@pytest.fixture
def filled(server: SeaweedFS) -> SeaweedFS:
    admin = client(server, ADMIN)
    for key in (*READS, *DELETES):
        for place in {key, key.replace("/x/", "/y/")}:
            admin.put_object(Bucket=BUCKET, Key=place, Body=b"1")
    return server


def env(server: SeaweedFS, who: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_S3": server.endpoint,
        "AWS_ACCESS_KEY_ID": KEYS[who].access,
        "AWS_SECRET_ACCESS_KEY": KEYS[who].secret,
        "AWS_REGION": "us-east-1",
    }


def client(server: SeaweedFS, who: str) -> Any:
    return s3_client(env(server, who))


def asked(call: Any, **arguments: Any) -> bool:
    """Whether it was allowed; any refusal but 403 is an error of the test."""
    try:
        call(Bucket=BUCKET, **arguments)
    except ClientError as refused:
        if refused.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
            raise
        return False
    return True


def differences(server: SeaweedFS, table: dict[str, set[str]], method: str, argument: str, **more: Any) -> list[Any]:
    clients = {who: client(server, who) for who in ROLES}
    rows = mirrored(table)
    assert {allowed for _, _, allowed in rows} == {True, False}
    found = ((row, asked(getattr(clients[row[0]], method), **{argument: row[1]}, **more)) for row in rows)
    return [(row, got) for row, got in found if row[2] != got]


def test_each_identity_reads_what_it_may_and_nothing_else(filled: SeaweedFS) -> None:
    assert differences(filled, READS, "get_object", "Key") == []
    assert differences(filled, READS, "head_object", "Key") == []


def test_each_identity_writes_where_it_may_and_nowhere_else(filled: SeaweedFS) -> None:
    assert differences(filled, WRITES, "put_object", "Key", Body=b"x") == []
    assert differences(filled, WRITES, "create_multipart_upload", "Key") == []


def test_each_identity_lists_what_it_may_and_nothing_else(filled: SeaweedFS) -> None:
    assert differences(filled, LISTS, "list_objects_v2", "Prefix") == []
    assert differences(filled, LISTS, "list_objects", "Prefix") == []


@pytest.mark.parametrize("key", DELETES)
def test_each_identity_deletes_what_it_may_and_nothing_else(filled: SeaweedFS, key: str) -> None:
    assert [(who, asked(client(filled, who).delete_object, Key=key)) for who in ROLES] == [
        (who, who in DELETES[key]) for who in ROLES
    ]


def test_nothing_is_reached_by_a_way_round(filled: SeaweedFS) -> None:
    trainer = client(filled, "trainer-x")
    alias = "registry/x/m/aliases/approved.json"
    foreign = {"Bucket": BUCKET, "Key": "registry/y/m/runs/abc/run.json"}
    assert not asked(trainer.copy_object, Key=f"{RUN}/stolen", CopySource=foreign)
    assert not asked(trainer.copy_object, Key=f"{RUN}/stolen", CopySource={"Bucket": BUCKET, "Key": alias})
    assert not asked(trainer.copy_object, Key=alias, CopySource={"Bucket": BUCKET, "Key": f"{RUN}/run.json"})
    trainer.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": alias}]})
    assert asked(client(filled, ADMIN).head_object, Key=alias)
    for call in ("list_object_versions", "list_multipart_uploads", "delete_bucket", "get_bucket_policy"):
        assert not asked(getattr(trainer, call)), call
    assert not asked(trainer.put_bucket_policy, Policy="{}")
    assert not asked(trainer.put_object_acl, Key=f"{RUN}/run.json", ACL="public-read")
    assert not asked(trainer.put_bucket_versioning, VersioningConfiguration={"Status": "Suspended"})
    assert trainer.list_buckets()["Buckets"] == []


@pytest.mark.parametrize(
    "key", ["registry/x/m/runs/../aliases/approved.json", "registry/x/m/runs/%2e%2e/aliases/approved.json"]
)
def test_a_path_that_climbs_changes_no_alias(filled: SeaweedFS, key: str) -> None:
    with suppress(ClientError):
        client(filled, "trainer-x").put_object(Bucket=BUCKET, Key=key, Body=b"forged")
    alias = client(filled, ADMIN).get_object(Bucket=BUCKET, Key="registry/x/m/aliases/approved.json")
    assert alias["Body"].read() == b"1"


def test_without_a_key_nothing_is_read(filled: SeaweedFS) -> None:
    unknown = {**env(filled, "operator"), "AWS_ACCESS_KEY_ID": "AKUNKNOWN"}
    assert not asked(s3_client(unknown).get_object, Key="datasets/x/a.csv")


def test_our_own_code_works_within_these_limits(filled: SeaweedFS) -> None:
    registry = f"s3://{BUCKET}/registry"
    operator = open_store(registry, env(filled, "operator"))
    assert probe(operator) == Safe()
    assert operator.clock()
    data = f"s3://{BUCKET}/datasets/x"
    for who in ("operator", "trainer-x"):
        assert [o.key for o in list_inputs(data, env=env(filled, who))] == ["a.csv"]
    trainer = open_store(registry, env(filled, "trainer-x"))
    trainer.put("x/m/runs/abc/attempts/pod/f", b"1", if_none_match=True)
    assert trainer.head("x/m/runs/new/run.json") is None
    server = open_store(registry, env(filled, "server-x"))
    server.put("x/_windows/uid/a/s/q.json", b"1")
    assert server.get("x/m/runs/abc/run.json").body
