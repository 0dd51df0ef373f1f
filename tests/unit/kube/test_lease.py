"""When a Lease may be taken: judged by our own clock alone."""

from perennial.kube.lease import Sighting, may_take, see

DURATION = 15.0


def lease(holder: str, renewed: str) -> dict:
    return {"spec": {"holderIdentity": holder, "renewTime": renewed}}


def test_a_lease_that_keeps_being_renewed_is_never_taken() -> None:
    sighting = None
    for second in range(100):
        sighting = see(lease("other", str(second // 5)), sighting, float(second))
        assert not may_take(sighting, "me", float(second), DURATION)


def test_a_lease_that_nobody_renews_is_taken_after_its_duration_and_not_before() -> None:
    first = see(lease("other", "long ago"), None, 100.0)
    assert first == Sighting("other", "long ago", 100.0)
    assert not may_take(see(lease("other", "long ago"), first, 115.0), "me", 115.0, DURATION)
    assert may_take(see(lease("other", "long ago"), first, 115.1), "me", 115.1, DURATION)


def test_a_lease_given_back_or_our_own_is_taken_at_once() -> None:
    assert may_take(see(lease("", "x"), None, 0.0), "me", 0.0, DURATION)
    assert may_take(see({}, None, 0.0), "me", 0.0, DURATION)
    assert may_take(see(lease("me", "x"), None, 0.0), "me", 0.0, DURATION)


def test_a_time_stamp_that_jumps_backwards_counts_as_a_renewal() -> None:
    first = see(lease("other", "2026-01-02T00:00:00Z"), None, 0.0)
    second = see(lease("other", "2026-01-01T00:00:00Z"), first, 14.0)
    assert second.at == 14.0
