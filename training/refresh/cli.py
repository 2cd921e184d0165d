"""The command ``groundswell refresh``; torch is imported when it runs, not when it is listed."""

import asyncio
import re
import shlex
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from groundswell.errors import GroundswellError, InputError
from groundswell.options import ConfigOption, settings_of
from groundswell.settings import Settings
from training.encoder import DEFAULT

if TYPE_CHECKING:
    from training.refresh.core.votes import Settled
    from training.refresh.job import Job
    from training.refresh.shadowing import Shadowing

_UNITS = {"m": 60, "h": 3600, "d": 86_400}


def refresh(  # noqa: PLR0913 - each argument is an option of the command
    *,
    folder: Annotated[Path, typer.Option(help="Where runs, journal and lock stand; keep it.")],
    data: Annotated[
        list[str], typer.Option("--data", help="The old rows, as `train` read them; repeatable.")
    ],
    items: Annotated[
        list[str] | None,
        typer.Option(
            help="JSON lines with the texts of items that feedback speaks of; repeatable."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="The champion's checkpoint; only asked the first time.")
    ] = None,
    function: Annotated[list[str] | None, typer.Option(help="As in `train`; repeatable.")] = None,
    card: Annotated[
        list[Path] | None, typer.Option(help="Card of a data file; repeatable.")
    ] = None,
    allow_licence: Annotated[list[str] | None, typer.Option(help="As in `train`.")] = None,
    items_licence: Annotated[str, typer.Option(help="On whose terms items may train.")] = "own",
    gold: Annotated[
        list[str] | None,
        typer.Option(help="Gold rows for the gates; none: the old rows that are held out."),
    ] = None,
    live: Annotated[
        list[str] | None, typer.Option(help="Newest texts: for drift, and for churn at the gates.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the bundles.")] = "groundswell",
    trusted: Annotated[
        list[str] | None, typer.Option(help="Whose word settles a label alone; repeatable.")
    ] = None,
    least_labels: Annotated[int, typer.Option(min=1, help="New labels that are a reason.")] = 200,
    days: Annotated[
        float, typer.Option(min=0.0, help="Age of a champion that is a reason.")
    ] = 30.0,
    pause_hours: Annotated[float, typer.Option(min=0.0, help="Between two refreshes.")] = 6.0,
    base_every: Annotated[
        int, typer.Option(min=0, help="Every so many-th from the base encoder; 0: never.")
    ] = 5,
    replay: Annotated[float, typer.Option(min=0.0, help="Old rows for each new one.")] = 4.0,
    pull: Annotated[float, typer.Option(min=0.0, help="To what the champion says; 0: none.")] = 0.3,
    encoder: Annotated[str, typer.Option(help="The base encoder, as in `train`.")] = DEFAULT,
    option: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE of the recipe; repeatable.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="0: measured.")] = 0,
    key: Annotated[Path | None, typer.Option(help="Private key to sign the bundle with.")] = None,
    challenger: Annotated[
        bool, typer.Option("--challenger", help="End with a challenger; a person promotes it.")
    ] = False,
    shadow_items: Annotated[
        int,
        typer.Option(min=0, help="Items to compare in shadow at the consumers first; 0: none."),
    ] = 0,
    shadow_hours: Annotated[
        float, typer.Option(min=0.0, help="How long that may take; then it stays challenger.")
    ] = 4.0,
    force: Annotated[bool, typer.Option("--force", help="Without waiting for a reason.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    every: Annotated[
        str | None, typer.Option(help="Again and again: 30m, 6h, 1d. Default: once.")
    ] = None,
    registry: Annotated[str | None, typer.Option(help="Default: `registry_url`.")] = None,
    config: ConfigOption = None,
) -> None:
    """Train the champion on, from feedback, and promote what passes the gates."""
    try:
        from training.data.prepare import Wish
        from training.material import Sources
        from training.refresh.core.reasons import Policy
        from training.refresh.steps import Wanted
        from training.refresh.warm import How
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed: pip install 'groundswell[train]'"
        ) from error
    from training.cli import recipe_of

    pause = seconds_of(every)
    recipe_of(None, option or ())  # names what is wrong before anything is read
    wanted = Wanted(
        name=name,
        sources=Sources(
            data=tuple(data),
            functions=tuple(function or ()),
            cards=tuple(card or ()),
            allowed=tuple(allow_licence or ()),
            wish=Wish(doubt=False),
        ),
        items=tuple(items or ()),
        licence=items_licence,
        how=How(
            encoder=encoder,
            recipe=dict(text.split("=", 1) for text in option or ()),
            pull=pull,
            device=device,
            threads=threads,
            command=shlex.join(["groundswell", *sys.argv[1:]]),
        ),
        replay=replay,
        gold=tuple(gold or ()),
        live=tuple(live or ()),
        licences=frozenset(allow_licence or ()),
        key=key,
        challenger_only=challenger,
    )
    policy = Policy(least_labels, days=days, pause_hours=pause_hours, base_every=base_every)
    settings = settings_of(config)
    while True:
        job = _job(settings, registry, folder, checkpoint, wanted, policy, frozenset(trusted or ()))
        if shadow_items:
            job = replace(job, shadowing=_shadowing(settings, shadow_items, shadow_hours))
        code = _once(job, force=force, dry_run=dry_run)
        if pause is None or dry_run:
            raise typer.Exit(code)
        time.sleep(pause)


def _shadowing(settings: Settings, items: int, hours: float) -> "Shadowing":
    """Return how the consumers' shadow runs are asked: by the notes that they leave in Redis."""
    from consumers.adapters.redis_shadows import open_shadows
    from consumers.shadows import ALL, Pair
    from training.refresh.clock import SystemClock
    from training.refresh.core.shadowed import Asked, Side
    from training.refresh.shadowing import Shadowing

    async def read(pair: Pair) -> Side:
        notes = open_shadows(settings)
        try:
            found = (await notes.read(pair)).get(ALL)
        finally:
            await notes.close()
        return Side() if found is None else Side(*found)

    clock = SystemClock()
    return Shadowing(
        asked=Asked(items, hours, settings.swap_mix),
        seen=lambda champion, challenger: asyncio.run(read(Pair(champion, challenger))),
        ms=clock.ms,
        pause=clock.pause,
    )


def seconds_of(text: str | None) -> float | None:
    """Return the seconds of 30m, 6h or 1d; raises ``InputError``."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,4})([mhd])", text)
    if found is None or int(found[1]) == 0:
        raise InputError(f"--every {text}: must be like 30m, 6h or 1d")
    return float(int(found[1]) * _UNITS[found[2]])


def _job(
    settings: Settings,
    registry: str | None,
    folder: Path,
    checkpoint: Path | None,
    wanted: Any,
    policy: Any,
    trusted: frozenset[str],
) -> "Job":
    from groundswell.models_cli import announcer_of
    from groundswell.models_commands import opened
    from training.refresh.clock import SystemClock
    from training.refresh.job import Job

    shelf = opened(settings, registry, announcer_of(settings))
    settled = _settled(settings, trusted)
    for conflict in settled.conflicts:
        typer.echo(f"{conflict.item}, {conflict.field}: {'; '.join(conflict.said)}", err=True)

    def moved(champion: Any) -> str:
        return _drift(shelf, champion, wanted.live) if champion and wanted.live else ""

    return Job(
        folder=folder,
        registry=shelf,
        settled=settled,
        wanted=wanted,
        policy=policy,
        clock=SystemClock(),
        console=Console(stderr=True),
        checkpoint=checkpoint,
        drift=moved,
    )


def _settled(settings: Settings, trusted: frozenset[str]) -> "Settled":
    from consumers.records.access.database import open_access
    from training.refresh.core.votes import settle
    from training.refresh.feedback import read_all, votes_of

    async def read() -> Any:
        book = await open_access(settings.records_url.get_secret_value(), make=False)
        try:
            return await read_all(book)
        finally:
            await book.close()

    return settle(votes_of(asyncio.run(read())), trusted)


def _drift(registry: Any, champion: Any, live: tuple[str, ...]) -> str:
    """Say what moved, "" for nothing; a bundle without a sample, or too few texts, is said and is no drift."""
    from groundswell.drift.judging import advice
    from training.refresh.windows import Question, ask

    with tempfile.TemporaryDirectory(prefix="groundswell-drift-") as scratch:
        try:
            answer = ask(registry.fetch(champion, Path(scratch)), Question(live))
        except GroundswellError as error:
            typer.echo(f"drift was not looked at: {error}", err=True)
            return ""
    act, why = advice(answer.verdicts)
    return why if act else ""


def _once(job: "Job", *, force: bool, dry_run: bool) -> int:
    from training.refresh.job import look
    from training.refresh.job import refresh as once

    if dry_run:
        decision = look(job, force=force).decision
        settled = job.settled
        typer.echo(
            f"{len(settled.labels)} labels are settled, {len(settled.conflicts)} in conflict, "
            f"{settled.waiting} wait for another vote"
        )
        typer.echo(f"would {'refresh' if decision.go else 'wait'}: {'; '.join(decision.reasons)}")
        if decision.go:
            typer.echo("then: snapshot, train, measure, export, gates, publish, shadow, promote")
        return 0
    outcome = once(job, force=force)
    number = f"refresh {outcome.number}: " if outcome.number else ""
    typer.echo(f"{number}{outcome.outcome}: {outcome.why}")
    return 0 if outcome.outcome in {"promoted", "waiting", "challenger"} else 1
