"""The command ``groundswell detect``; the detector is imported when it runs."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from groundswell.errors import InputError

_UNITS: Final = {"m": 1, "h": 60, "d": 1440, "w": 10_080}
_NAMES: Final = {"minute": "1m", "hour": "1h", "day": "1d", "week": "1w"}


def minutes_of(tick: str) -> int | None:
    """Return the minutes of a tick such as 5m, 1h, 1d; None for ``auto``. Raises ``InputError``."""
    if tick == "auto":
        return None
    found = re.fullmatch(r"(\d{1,4})([mhdw])", _NAMES.get(tick, tick))
    if found is None or int(found[1]) == 0:
        raise InputError(f"--tick {tick}: must be auto, minute, hour, day, or like 5m, 1h, 1d")
    return int(found[1]) * _UNITS[found[2]]


def detect(  # noqa: PLR0913 - each argument is an option of the command
    *,
    file: Annotated[
        Path,
        typer.Argument(help="JSON lines that `classify` wrote, or CSV with timestamp,value."),
    ],
    tick: Annotated[
        str, typer.Option(help="What is decided at once: minute, 5m, 1h, 1d …; auto: by the file.")
    ] = "auto",
    match: Annotated[
        list[str] | None,
        typer.Option(
            help="A series of items with any of these words, comma separated; repeatable."
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Series of items: topic, all or both; with --match: those only."),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(help="False alarms a day over all series; none: one in 30 days a series."),
    ] = None,
    delta_volume: Annotated[
        float | None,
        typer.Option(min=0, help="Margin of the volume; default 0.3: a third more is usual yet."),
    ] = None,
    delta_share: Annotated[
        float | None, typer.Option(min=0, help="Margin of the negative share; default 0.2.")
    ] = None,
    sources: Annotated[
        int | None,
        typer.Option(min=1, help="Sources that an alarm needs; default 2, and none in a table."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Write counts, baseline, evidence and alarms as an image.")
    ] = None,
    card: Annotated[
        bool, typer.Option("--card", help="Print what can be found in each series, and how soon.")
    ] = False,
) -> None:
    """Run the surge detector over a file and print its alarms as JSON lines."""
    if by not in {None, "topic", "all", "both"}:
        raise InputError(f"--by {by}: must be topic, all or both")
    if budget is not None and not budget > 0:
        raise InputError(f"--budget {budget}: must be above 0")
    from consumers.watch.detect import Plan, run

    plan = Plan(
        file=file,
        tick=minutes_of(tick),
        by=by,
        match=tuple(match or ()),
        budget=budget,
        delta_volume=delta_volume,
        delta_share=delta_share,
        sources=sources,
        plot=plot,
        card=card,
    )
    run(plan)
