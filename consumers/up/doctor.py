"""
`doctor`: what of the environment is there, and what is missing.

Rules: every question is asked, whatever the others answered; it changes nothing; no secret is printed.
"""

import json
import platform
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Literal, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from consumers.adapters import embedded
from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_topics import ensure_topics
from consumers.adapters.redis_client import where
from consumers.adapters.redis_counts import open_counts
from consumers.up.look import settled
from groundswell import __version__
from groundswell.errors import GroundswellError
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.session import load
from groundswell.settings import Settings

State: TypeAlias = Literal["ok", "note", "missing"]
Question: TypeAlias = Callable[[Settings], Awaitable["Finding"]]


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer: ``missing`` is something that a program needs, ``note`` something it can do without."""

    about: str
    state: State
    detail: str


async def _system(_: Settings) -> Finding:
    return Finding(
        "system",
        "ok",
        f"groundswell {__version__}, Python {sys.version.split()[0]}, "
        f"{platform.system()} on {platform.machine()}",
    )


async def _model(settings: Settings) -> Finding:
    model = load(settings.bundle, settings.providers, settings.provider_options, settings.threads)
    distances = check_golden(model, read_golden(settings.bundle, model.manifest))
    worst = max(distances.values())
    return Finding(
        "model",
        "ok",
        f"{model.id} on {model.provider}: {model.reason}; golden texts agree (distance {worst:.4f})",
    )


async def _kafka(settings: Settings) -> Finding:
    admin = KafkaAdmin(settings)
    try:
        comparison = await ensure_topics(admin, settings, create=False)
        news = await admin.topic(settings.news_topic)
    finally:
        await admin.stop()
    place = settings.kafka_bootstrap_servers
    if comparison.differences:
        return Finding("kafka", "missing", f"{place}: " + "; ".join(comparison.differences))
    notes = list(comparison.notes)
    if news is not None and not news.topic_id:
        notes.append("the broker has no topic identities: a recreated topic goes unnoticed")
    return Finding("kafka", "note" if notes else "ok", "; ".join([f"{place} answers", *notes]))


async def _redis(settings: Settings) -> Finding:
    counts = open_counts(settings)
    try:
        await counts.check_policy()
        states = await counts.states()
    finally:
        await counts.close()
    return Finding(
        "redis",
        "ok",
        f"{where(settings)} answers: {len(states)} partitions, {settled(states):,} items settled",
    )


async def _embedded(_: Settings) -> Finding:
    return Finding(
        "embedded",
        "ok",
        f"{embedded.broker_binary().name}, {embedded.store_binary().name}: `up` can run",
    )


async def _trainer(_: Settings) -> Finding:
    try:
        found = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "transformers"))
    except metadata.PackageNotFoundError:
        return Finding(
            "trainer", "note", "not installed: `train` and `export` need the extra `train`"
        )
    return Finding("trainer", "ok", found)


QUESTIONS: tuple[tuple[str, Question], ...] = (
    ("system", _system),
    ("model", _model),
    ("kafka", _kafka),
    ("redis", _redis),
    ("embedded", _embedded),
    ("trainer", _trainer),
)
_OPTIONAL = frozenset({"embedded"})


async def examine(settings: Settings) -> list[Finding]:
    """Ask every question; an error is an answer."""
    findings = []
    for about, question in QUESTIONS:
        try:
            findings.append(await question(settings))
        except GroundswellError as error:
            state: State = "note" if about in _OPTIONAL else "missing"
            findings.append(Finding(about, state, str(error)))
    return findings


async def run(settings: Settings, *, as_json: bool) -> int:
    """Print the findings; return 1 if something is missing."""
    findings = await examine(settings)
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings]) + "\n")
    else:
        table = Table(show_header=False, box=None, pad_edge=False)
        styles = {"ok": "green", "note": "yellow", "missing": "red"}
        for finding in findings:
            table.add_row(
                Text(finding.about, style="bold"),
                Text(finding.state, style=styles[finding.state]),
                Text(finding.detail),
            )
        Console().print(table)
    return 1 if any(finding.state == "missing" for finding in findings) else 0
