"""Names of children."""

import re

from hypothesis import given
from hypothesis import strategies as st

from perennial.desired import names

cr_names = st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
hexes = st.text("0123456789abcdef", min_size=64, max_size=64)
DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


@given(cr_names, st.uuids(), hexes, st.text(max_size=20))
def test_every_name_is_a_dns_label_of_at_most_52_characters(name: str, uid: object, key: str, retry: str) -> None:
    # 52: a Job's pods and a Deployment's ReplicaSets get up to 11 more
    made = [
        names.training_job(name, str(uid), key, retry),
        names.evaluate_job(name, str(uid), key, key),
        names.serving_revision(name, key),
    ]
    for one in made:
        assert len(one) <= 52
        assert DNS_1035.fullmatch(one)
    assert len(names.rollout_plan(name, key)) <= 63
    assert len(names.task_job(name, str(uid), "CountRows", key)) <= 63


@given(cr_names, st.uuids(), st.text(max_size=40))
def test_a_child_training_may_itself_have_children(name: str, uid: object, decision: str) -> None:
    child = names.child_training(name, str(uid), decision)
    assert len(child) <= names.MAX_CR_NAME
    assert DNS_1035.fullmatch(child)


def test_another_uid_key_or_retry_makes_another_job() -> None:
    base = names.training_job("m", "u", "k")
    others = {
        names.training_job("m", "v", "k"),
        names.training_job("m", "u", "l"),
        names.training_job("m", "u", "k", "1"),
    }
    assert base not in others
    assert len(others) == 3
    assert base == names.training_job("m", "u", "k")
