"""
The generated documents: JSON Schemas, the AsyncAPI and OpenAPI documents, the tables of settings and metrics.

`python -m tests.documents docs` writes them; a test compares what stands there with what comes out.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from consumers.counts import metrics as count_metrics
from consumers.news import metrics as consume_metrics
from consumers.notify import metrics as notify_metrics
from consumers.watch import metrics as watch_metrics
from consumers.watch.relay import AlertMessage
from consumers.web import metrics as serve_metrics
from consumers.web.build import bare
from groundswell import __version__, events
from groundswell.models.bundle import Manifest
from groundswell.settings import PREFIX, Settings
from groundswell.tasks import Function
from training.data.cards import Card

MESSAGES: dict[str, Any] = {
    "news": events.NewsItem,
    **{kind.__struct_config__.tag: kind for kind in get_args(events.LogRecord)},
}
ALERT: Final = "alert"
TOPICS: dict[str, Any] = {**MESSAGES, ALERT: AlertMessage}
SCHEMAS: dict[str, Any] = {**TOPICS, "manifest": Manifest, "function": Function, "card": Card}


def documents() -> dict[str, str]:
    """Return every generated document: its path below docs/, and its text."""
    return {
        **{f"schemas/{name}.json": _json(_schema(kind, name)) for name, kind in SCHEMAS.items()},
        "asyncapi.json": _json(_asyncapi()),
        "openapi.json": _json(bare().openapi()),
        "settings.md": _settings(),
        "metrics.md": _metrics(),
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _schema(kind: Any, name: str) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        **msgspec.json.schema(kind),
    }


def _asyncapi() -> dict[str, Any]:
    """Describe the Kafka topics as AsyncAPI 3.0."""
    _, parts = msgspec.json.schema_components(
        tuple(TOPICS.values()), ref_template="#/components/schemas/{name}"
    )
    titles = {name: kind.__name__ for name, kind in TOPICS.items()}
    log = [name for name in MESSAGES if name != "news"]
    defaults = Settings()
    channels = {
        "news": (
            defaults.news_topic,
            "Items as they arrive: plain JSON, or CloudEvents 1.0.",
            ["news"],
        ),
        "opinions": (
            defaults.opinions_topic,
            "The log of record. Partition k holds the verdicts on partition k of news, in its order.",
            log,
        ),
        "dead": (
            defaults.dead_topic,
            "Refused items as they came; headers say reason, detail, topic, partition and offset.",
            ["refused"],
        ),
        "alerts": (
            defaults.alerts_topic,
            "Transitions of alerts, at least once and in order: drop a `key` that you have seen.",
            [ALERT],
        ),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Groundswell",
            "version": __version__,
            "description": "The Kafka topics of Groundswell.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            key: {
                "address": address,
                "description": text,
                "messages": {m: {"$ref": f"#/components/messages/{m}"} for m in messages},
                "bindings": {"kafka": {"topic": address}},
            }
            for key, (address, text, messages) in channels.items()
        },
        "operations": {
            "consume": _operation("receive", "news", ["news"], "`consume` reads items."),
            "publish": _operation("send", "opinions", log, "`consume` writes verdicts and marks."),
            "bury": _operation("send", "dead", ["refused"], "`consume` copies what it refused."),
            "count": _operation("receive", "opinions", log, "`count` folds the log into Redis."),
            "tell": _operation("send", "alerts", [ALERT], "`watch` relays what it decided."),
        },
        "components": {
            "messages": {
                **{
                    name: {
                        "name": title,
                        "summary": TOPICS[name].__doc__.strip().splitlines()[0],
                        "payload": {"$ref": f"#/components/schemas/{title}"},
                    }
                    for name, title in titles.items()
                },
                "refused": {
                    "name": "Refused",
                    "summary": "The bytes of a refused item.",
                    "contentType": "application/octet-stream",
                    "payload": {},
                },
            },
            "schemas": parts,
        },
    }


def _operation(action: str, channel: str, messages: list[str], summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{m}"} for m in messages],
    }


def _settings() -> str:
    rows = [
        f"| `{name}` | `{_default(name)}` | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return (
        "# Settings\n\n"
        "Generated by `make docs`. Each can stand in a TOML file (`--config`) or, with the prefix "
        f"`{PREFIX}` and in capitals, in the environment, which wins. An unknown key is refused by "
        "name.\n\n| setting | default | what it does |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def _default(name: str) -> str:
    value = Settings().model_dump(mode="json")[name]
    if name == "redis_url":
        return "redis://127.0.0.1:6379/0"
    return json.dumps(value) if not isinstance(value, str) else value or '""'


def _metrics() -> str:
    lines = [
        "# Metrics\n\nGenerated by `make docs`. Served at `/metrics` in the Prometheus format.\n"
    ]
    for program, module in (
        ("consume", consume_metrics),
        ("count", count_metrics),
        ("watch", watch_metrics),
        ("notify", notify_metrics),
        ("serve", serve_metrics),
    ):
        lines.append(f"\n## `{program}`\n\n| metric | type | meaning |\n|---|---|---|\n")
        lines += [f"| `{n}` | {kind} | {text} |\n" for n, kind, text in module.described()]
    return "".join(lines)


if __name__ == "__main__":
    for path, text in documents().items():
        target = Path(sys.argv[1]) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
