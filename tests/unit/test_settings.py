import pytest

from groundswell.errors import SettingsError
from groundswell.settings import Settings, load


def test_defaults_stand():
    assert load({}, {}) == Settings()


def test_the_environment_wins_over_the_file():
    settings = load(
        {"GROUNDSWELL_BATCH_ITEMS": "7", "HOME": "/", "GROUNDSWELL_PROVIDERS": "cuda, cpu"},
        {"batch_items": 3, "threads": 2},
    )

    assert (settings.batch_items, settings.threads, settings.providers) == (7, 2, ("cuda", "cpu"))


def test_tables_are_json_in_a_variable():
    settings = load({"GROUNDSWELL_PROVIDER_OPTIONS": '{"cuda": {"device_id": "1"}}'}, {})

    assert settings.provider_options == {"cuda": {"device_id": "1"}}


def test_every_bad_key_is_named_with_its_place():
    with pytest.raises(SettingsError) as refused:
        load(
            {"GROUNDSWELL_BATCH_TOKENS": "many", "GROUNDSWELL_NO_SUCH": "1"},
            {"thread": 2},
            "my.toml",
        )

    message = str(refused.value)
    assert "batch_tokens (GROUNDSWELL_BATCH_TOKENS)" in message
    assert "no_such (GROUNDSWELL_NO_SUCH): there is no such setting" in message
    assert "thread (my.toml): there is no such setting" in message


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ({"kafka_security_protocol": "SASL_SSL"}, "kafka_sasl_username"),
        ({"window_items": 1, "batch_items": 2}, "window_items"),
        ({"providers": []}, "providers"),
        ({"refusal_share": 0}, "refusal_share"),
        ({"deliveries_retention_days": 6}, "deliveries_retention_days.*: must be 7 at least, or"),
        ({"notification_log_retention_days": 0}, "log_retention_days.*: must be 90 at least, or"),
    ],
)
def test_what_does_not_fit_together_is_refused(file, named):
    with pytest.raises(SettingsError, match=named):
        load({}, file)


def test_bad_json_is_named():
    with pytest.raises(SettingsError, match="GROUNDSWELL_PROVIDER_OPTIONS: not JSON"):
        load({"GROUNDSWELL_PROVIDER_OPTIONS": "{"}, {})


def test_secrets_do_not_print():
    settings = load(
        {"GROUNDSWELL_KAFKA_SASL_PASSWORD": "hush", "GROUNDSWELL_REDIS_URL": "redis://:hush@h/0"},
        {},
    )

    assert "hush" not in repr(settings)
    assert "hush" not in settings.model_dump_json()
    with pytest.raises(SettingsError) as refused:
        load({"GROUNDSWELL_KAFKA_SASL_PASSWORDS": "hush"}, {})
    assert "hush" not in str(refused.value)
