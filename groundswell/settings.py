"""
Every setting of the online programs, in one frozen object built once at the start.

Rules: values come from a TOML file and from ``GROUNDSWELL_…`` variables (which win), both passed in by
the caller; each unknown or bad key is named, with the place that it came from; secrets never print.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field, SecretStr, ValidationError, model_validator

from groundswell.errors import SettingsError
from groundswell.settings_models import ModelSettings
from groundswell.settings_notify import NotifySettings
from groundswell.settings_serve import ServeSettings

PREFIX: Final = "GROUNDSWELL_"


class Settings(ModelSettings, NotifySettings, ServeSettings):
    """The settings; ``docs/settings.md`` is generated from the descriptions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", description="Brokers, comma separated.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to the brokers."
    )
    kafka_ssl_cafile: Path | None = Field(
        None, description="CA file for SSL; default: the system's."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism, where the protocol is one of SASL."
    )
    kafka_sasl_username: str = Field("", description="SASL user.")
    kafka_sasl_password: SecretStr = Field(SecretStr(""), description="SASL password. Secret.")
    kafka_idempotent: Literal["auto", "on", "off"] = Field(
        "auto", description="Idempotent producer: `auto` uses it where the broker can."
    )
    kafka_fetch_max_wait_ms: int = Field(
        50, ge=1, le=5000, description="How long the broker holds an empty fetch open, in ms."
    )
    kafka_session_timeout_ms: int = Field(
        10_000, ge=2_000, le=300_000, description="A silent member is dropped after this, in ms."
    )
    kafka_instance_id: str = Field(
        "",
        description="Static membership: unique per process and stable over restarts; empty: dynamic.",
    )
    news_topic: str = Field("news", description="Kafka topic of incoming items.")
    opinions_topic: str = Field(
        "opinions", description="Kafka topic of verdicts, the log of record."
    )
    dead_topic: str = Field("news.dead", description="Kafka topic of refused items.")
    alerts_topic: str = Field("alerts", description="Kafka topic of alert transitions.")
    consume_group: str = Field("groundswell-consume", description="Consumer group of `consume`.")
    count_group: str = Field(
        "groundswell-count", description="Group of `count`; it only shows lag."
    )
    partitions: int = Field(4, ge=1, le=1024, description="Partitions that `topics` creates.")
    replication: int = Field(1, ge=1, le=9, description="Replicas that `topics` creates.")
    opinions_retention_days: int = Field(
        90, ge=-1, description="Retention of `opinions`, in days; -1 keeps for ever."
    )
    news_retention_days: int = Field(
        7,
        ge=-1,
        description="Retention of `news` and `news.dead`, in days; -1 for replays of old news.",
    )
    alerts_retention_days: int = Field(
        90, ge=-1, description="Retention of `alerts`, in days; -1 keeps for ever."
    )

    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="Redis or Valkey: redis://, rediss:// or unix://. Secret, as it may hold a password.",
    )
    redis_cluster: bool = Field(
        default=False, description="Whether `redis_url` leads to a cluster."
    )
    redis_shards: int = Field(
        1,
        ge=1,
        le=256,
        description="Shards of the counts: partition mod shards. Fixed once counted.",
    )
    redis_prefix: str = Field(
        "gs", pattern=r"^[A-Za-z0-9_.:-]{1,32}$", description="First part of every key."
    )

    records_url: SecretStr = Field(
        SecretStr("sqlite:///groundswell.db"),
        description="The records: sqlite:///FILE or postgresql://… Secret, as it may hold a password.",
    )

    bundle: Path = Field(
        Path("deploy/models/default"), description="Directory of the model bundle."
    )
    registry_url: str = Field(
        "",
        description="Registry of bundles: a directory, or s3://, gs://, az:// …; empty: only `bundle`. "
        "Credentials come from the environment of the store's driver, never from here.",
    )
    registry_public_key: Path | None = Field(
        None,
        description="PEM file of the Ed25519 public key; set, no bundle of the registry is used unless its "
        "manifest is signed with the private one.",
    )
    providers: tuple[Literal["cpu", "cuda", "tensorrt"], ...] = Field(
        ("cpu",),
        min_length=1,
        description="Execution providers in order of preference; another one is a refusal to start.",
    )
    provider_options: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="Options per provider, as onnxruntime names them."
    )
    threads: int = Field(0, ge=0, le=256, description="Inference threads; 0: one per core.")
    workers: int = Field(
        0,
        ge=0,
        le=64,
        description="Batches computed at once, the threads shared out; 0: one a thread on a CPU, one on a GPU.",
    )
    batch_tokens: int = Field(
        1024, ge=16, le=1_048_576, description="Budget of a batch, in padded tokens."
    )
    batch_items: int = Field(64, ge=1, le=4096, description="Most items in a batch.")
    batch_wait_ms: int = Field(
        50, ge=0, le=10_000, description="Longest wait for a fuller batch, in ms."
    )
    window_items: int = Field(
        512, ge=1, le=65_536, description="Items read ahead, sorted by length into batches."
    )
    poll_interval_ms: int = Field(
        20, ge=1, le=1000, description="Pause between polls when little arrives, in ms."
    )
    max_record_bytes: int = Field(
        1_048_576, ge=1024, le=64 * 1_048_576, description="Larger `news` records are refused."
    )
    refusal_share: float = Field(
        0.5, gt=0.0, le=1.0, description="`consume` stops when more than this share is refused …"
    )
    refusal_window: int = Field(
        200, ge=1, le=1_000_000, description="… of this many items most recently read."
    )
    drain_seconds: float = Field(
        8.0,
        gt=0.0,
        le=60.0,
        description="Budget for finishing what is in flight when partitions go.",
    )
    clock: Literal["wall", "records"] = Field(
        "wall", description="What marks tell: the wall clock, or the records' times (replays)."
    )
    mark_interval_ms: int = Field(
        1000, ge=50, le=60_000, description="How often marks are written."
    )

    stories_hours: int = Field(
        24, ge=1, le=744, description="Near-duplicates within so many hours are one story."
    )
    stories_kept: int = Field(
        100_000,
        ge=100,
        le=100_000_000,
        description="Stories that consumers share in Redis at most, the newest ones.",
    )
    stories_kept_alone: int = Field(
        20_000,
        ge=100,
        le=10_000_000,
        description="Stories that a consumer knows by itself at most, for when Redis is away.",
    )

    lateness_seconds: int = Field(
        120, ge=0, le=3600, description="L: items older than this on arrival count as late."
    )
    minutes_kept_hours: int = Field(48, ge=1, le=744, description="How long minutes are kept.")
    hours_kept_days: int = Field(90, ge=1, le=3660, description="How long hours are kept.")
    days_kept_days: int = Field(730, ge=1, le=36_600, description="How long days are kept.")
    count_batch: int = Field(
        512, ge=1, le=100_000, description="Most log records in one atomic step."
    )

    watch_budget: float = Field(
        1.0,
        gt=0.0,
        le=10_000.0,
        description="False alarms that are allowed, a day over all series.",
    )
    watch_delta_volume: float = Field(
        0.3, ge=0.0, le=10.0, description="Margin: so much more negative news is usual yet."
    )
    watch_delta_share: float = Field(
        0.2, ge=0.0, le=10.0, description="Margin: so much higher negative odds are usual yet."
    )
    watch_sources: int = Field(
        2,
        ge=1,
        le=32,
        description="A surge needs news of so many sources to be told; 1 where there is but one.",
    )
    watch_back_hours: int = Field(
        24,
        ge=0,
        le=744,
        description="A first start decides so many hours of the past, to learn from them.",
    )
    watch_holder: str = Field(
        "",
        max_length=128,
        description="Who holds the lease of `watch`: unique per process; empty: host and process.",
    )
    watch_trusted: Path | None = Field(
        None, description="YAML list of sources whose word alone is enough; default: shipped."
    )
    watch_events: Path | None = Field(
        None, description="YAML list of grave events; default: the shipped one."
    )
    watch_events_an_hour: int = Field(
        6,
        ge=0,
        le=1000,
        description="Event alerts an hour at most; the rest is held back, counted.",
    )

    http_host: str = Field("127.0.0.1", description="Where /metrics, /healthz and /readyz listen.")
    http_port: int = Field(0, ge=0, le=65_535, description="Their port; 0: any free one, logged.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Log level."
    )
    log_format: Literal["json", "console"] = Field("json", description="Log format.")

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.kafka_security_protocol.startswith("SASL") and not self.kafka_sasl_username:
            raise ValueError("kafka_sasl_username: needed with a SASL protocol")
        if self.batch_items > self.window_items:
            raise ValueError("window_items: must be at least batch_items")
        if self.watch_back_hours > self.minutes_kept_hours:
            raise ValueError("watch_back_hours: must be at most minutes_kept_hours, what is kept")
        return self


def load(environ: Mapping[str, str], file: Mapping[str, Any], file_name: str = "") -> Settings:
    """
    Build the settings from the parsed TOML ``file`` and from ``environ``, whose variables win.

    Lists are comma separated in a variable, tables are JSON. Raises ``SettingsError`` that names every
    bad key and where it stands.
    """
    from_env: dict[str, Any] = {}
    where: dict[str, str] = dict.fromkeys(file, file_name or "the settings file")
    for variable, text in environ.items():
        if variable.startswith(PREFIX):
            key = variable.removeprefix(PREFIX).lower()
            where[key] = variable
            from_env[key] = _parse(key, text)
    try:
        return Settings.model_validate({**file, **from_env})
    except ValidationError as error:
        raise SettingsError(_explain(error, where)) from None


def _parse(key: str, text: str) -> Any:
    if key in {"providers", "notify_allow", "serve_origins"}:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if key == "provider_options":
        import json

        try:
            return json.loads(text)
        except ValueError as error:
            raise SettingsError(f"{PREFIX}{key.upper()}: not JSON ({error})") from None
    return text


def _explain(error: ValidationError, where: Mapping[str, str]) -> str:
    """Name each bad key and its place, without its value: it may be a secret."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        key = str(problem["loc"][0]) if problem["loc"] else ""
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "there is no such setting"
        lines.append(
            f"{key} ({where[key]}): {message}" if key in where else f"{key}: {message}".lstrip(": ")
        )
    return "bad settings:\n  " + "\n  ".join(lines)
