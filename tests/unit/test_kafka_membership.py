from consumers.adapters.kafka_membership import StaticMembership
from groundswell.settings import Settings

STATIC = Settings(kafka_instance_id="pod-1", kafka_session_timeout_ms=6000)


def test_many_losses_in_a_row_are_a_twin():
    membership = StaticMembership(STATIC)
    told = [membership.lost(float(second)) for second in range(6)]
    assert told[:5] == [None] * 5
    assert told[5] is not None
    assert "pod-1" in told[5]
    assert "another process uses the same id" in told[5]


def test_losses_far_apart_are_normal():
    membership = StaticMembership(STATIC)  # whose window is 60 s
    assert [membership.lost(12.0 * n) for n in range(20)] == [None] * 20


def test_a_dynamic_member_has_no_twin():
    membership = StaticMembership(Settings())
    assert [membership.lost(0.0) for _ in range(20)] == [None] * 20
