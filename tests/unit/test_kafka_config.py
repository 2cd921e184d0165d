import pytest
from aiokafka import errors

from consumers.adapters.kafka_config import (
    HEADROOM,
    admin_options,
    client_options,
    consumer_options,
    producer_options,
)
from consumers.adapters.kafka_errors import translated
from groundswell.errors import CannotContinue, SettingsError, Transient
from groundswell.settings import Settings


def test_addresses_are_split():
    options = client_options(Settings(kafka_bootstrap_servers="a:1, b:2"))
    assert options["bootstrap_servers"] == ["a:1", "b:2"]
    assert "ssl_context" not in options
    assert "sasl_plain_password" not in options


def test_sasl_over_ssl():
    settings = Settings(
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_username="me",
        kafka_sasl_password="secret",  # noqa: S106
    )
    options = client_options(settings)
    assert options["ssl_context"].check_hostname
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("me", "secret")


def test_a_ca_file_that_is_not_there_is_named(tmp_path):
    settings = Settings(kafka_security_protocol="SSL", kafka_ssl_cafile=tmp_path / "none.pem")
    with pytest.raises(SettingsError, match=r"kafka_ssl_cafile: .*none\.pem"):
        client_options(settings)


@pytest.mark.parametrize(("drain", "session"), [(1, 2000), (8, 10_000), (60, 10_000), (1, 60_000)])
def test_no_wait_is_shorter_than_the_one_that_it_holds(drain, session):
    settings = Settings(drain_seconds=drain, kafka_session_timeout_ms=session)
    options = consumer_options(settings, "group")
    assert options["rebalance_timeout_ms"] > drain * 1000
    assert options["rebalance_timeout_ms"] >= session
    assert options["request_timeout_ms"] > options["rebalance_timeout_ms"]
    assert options["heartbeat_interval_ms"] * 3 <= session
    assert options["max_poll_interval_ms"] > options["rebalance_timeout_ms"]


def test_nothing_moves_behind_our_back():
    options = consumer_options(Settings(kafka_fetch_max_wait_ms=70), "group")
    assert options["auto_offset_reset"] == "none"
    assert options["enable_auto_commit"] is False
    assert options["group_id"] == "group"
    assert options["fetch_max_wait_ms"] == 70


@pytest.mark.parametrize(("given", "told"), [("", None), ("pod-3", "pod-3")])
def test_membership_is_static_only_if_asked_for(given, told):
    options = consumer_options(Settings(kafka_instance_id=given), "group")
    assert options["group_instance_id"] == told


@pytest.mark.parametrize("largest", [1024, 1_048_576, 8_388_608])
def test_what_is_accepted_can_be_written(largest):
    options = producer_options(Settings(max_record_bytes=largest), idempotent=True)
    assert options["acks"] == "all"
    assert options["enable_idempotence"] is True
    assert options["max_request_size"] == largest + HEADROOM
    # What the topics take, at least: see kafka_topics.
    assert options["max_batch_size"] <= largest + HEADROOM


def test_an_admin_does_not_wait_for_ever():
    assert admin_options(Settings())["request_timeout_ms"] <= 10_000


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.KafkaConnectionError("refused"), Transient),
        (errors.RequestTimedOutError(), Transient),
        (errors.NotEnoughReplicasError(), Transient),
        (errors.UnknownError(), Transient),
        (TimeoutError(), Transient),
        (OSError("broken pipe"), Transient),
        (errors.TopicAuthorizationFailedError("news"), CannotContinue),
        (errors.SaslAuthenticationFailed("no"), CannotContinue),
        (errors.MessageSizeTooLargeError(), CannotContinue),
        (errors.InvalidTopicError(), CannotContinue),
    ],
)
def test_errors_say_what_to_do_and_where(error, kind):
    told = translated(error, "reading topic news")
    assert type(told) is kind
    assert "reading topic news" in str(told)
    assert type(error).__name__ in str(told)
