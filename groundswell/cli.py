"""
The command line: one command a program.

Rules: a program is imported only when its command is called, so that an online install needs no torch
and `--help` is quick; an error that was foreseen is one line on stderr and an exit code, never a
traceback.

Exit codes: 0 done, 1 the answer is no (a difference found, a check failed), 2 refused to start,
3 stopped because going on would do harm, 4 a service stayed away, 130 interrupted.
"""

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from groundswell import __version__
from groundswell.errors import CannotContinue, CannotStart, GroundswellError, Transient
from groundswell.options import ConfigOption, JsonOption
from groundswell.options import run_to_end as _run
from groundswell.options import settings_of as _settings

app = typer.Typer(
    name="groundswell",
    help="A monitor of financial opinion: reads news as it streams, labels it, counts it exactly.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"groundswell {__version__}")
        raise typer.Exit


@app.command()
def up(
    seconds: Annotated[
        float, typer.Option(min=0, help="End by itself after this long; 0: never.")
    ] = 0,
    rate: Annotated[float, typer.Option(min=0.1, help="Items a second of the sample stream.")] = 20,
    speed: Annotated[
        float,
        typer.Option(min=1, max=1440, help="Times faster than real; 1: real time, no history."),
    ] = 240,
    as_json: JsonOption = False,
    bundle: Annotated[Path | None, typer.Option(help="Another bundle than the default.")] = None,
) -> None:
    """Run everything on this machine: broker, store, model, sample stream, alerts, a live table."""
    from consumers.up.app import run

    _run(run(seconds=seconds, rate=rate, speed=speed, as_json=as_json, bundle=bundle))


@app.command()
def topics(
    check: Annotated[bool, typer.Option("--check", help="Only compare, create nothing.")] = False,
    config: ConfigOption = None,
) -> None:
    """Create the Kafka topics that are missing, and check the others."""
    from consumers.up.topics import run

    _run(run(_settings(config), create=not check))


@app.command()
def consume(config: ConfigOption = None) -> None:
    """Label the items of topic `news` and write the verdicts to `opinions`."""
    from consumers.news.app import run

    _run(run(_settings(config)))


@app.command()
def count(config: ConfigOption = None) -> None:
    """Count the verdicts of `opinions` into Redis, each exactly once."""
    from consumers.counts.app import run

    _run(run(_settings(config)))


@app.command()
def watch(config: ConfigOption = None) -> None:
    """Decide each counted minute once, and raise an alert when negative opinion surges."""
    from consumers.watch.app import run

    _run(run(_settings(config)))


@app.command()
def notify(config: ConfigOption = None) -> None:
    """Tell subscribers of alerts: plan what to send, send it, try again."""
    from consumers.notify.app import run

    _run(run(_settings(config)))


@app.command()
def serve(config: ConfigOption = None) -> None:
    """Answer the API: alerts, series, subscriptions, streams of events, news pushed in."""
    from consumers.web.app import run

    _run(run(_settings(config)))


@app.command()
def mcp(config: ConfigOption = None) -> None:
    """Let language models read topics, series, alerts and stories, by the Model Context Protocol."""
    from consumers.web.mcp_app import run

    _run(run(_settings(config)))


@app.command()
def classify(
    file: Annotated[
        str, typer.Argument(help="JSON lines with `text`, or `title` and `body`; -: stdin.")
    ],
    out: Annotated[str, typer.Option("--out", "-o", help="Where to write; -: stdout.")] = "-",
    bundle: Annotated[Path | None, typer.Option(help="Directory of the model bundle.")] = None,
    function: Annotated[
        list[Path] | None,
        typer.Option(help="A function (YAML) to answer by similarity, untrained; may be repeated."),
    ] = None,
    stories: Annotated[
        bool, typer.Option("--stories", help="Say which rows tell one story: `story`, `new_in`.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Add labels to every row of a file, with the code of the online path."""
    from consumers.news.classify import run

    settings = _settings(config)
    if bundle is not None:
        settings = settings.model_copy(update={"bundle": bundle})
    code = run(settings, file, out, function or (), stories=stories)
    if code:
        raise typer.Exit(code)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="JSON lines of news items, in order of time.")],
    speed: Annotated[
        float, typer.Option(min=0, help="Times faster than it happened; 0: as fast as it goes.")
    ] = 0,
    config: ConfigOption = None,
) -> None:
    """Publish a file to `news` in the order and rhythm of its timestamps."""
    from consumers.news.replay import run

    _run(run(_settings(config), file, speed))


@app.command()
def recount(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Fold `opinions` again from the start and compare every aggregate with Redis."""
    from consumers.counts.recount import run

    _run(run(_settings(config), as_json=as_json))


@app.command()
def top(
    interval: Annotated[float, typer.Option(min=0.2, help="Seconds between two pictures.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print one picture and end.")] = False,
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="Window of the shares.")] = 60,
    svg: Annotated[Path | None, typer.Option(help="Write one picture as SVG and end.")] = None,
    config: ConfigOption = None,
) -> None:
    """Show a live table: series, counts, negative share, rate and lag."""
    from consumers.up.top import run

    _run(run(_settings(config), interval=interval, once=once, minutes=minutes, svg=svg))


@app.command()
def doctor(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Say what of the environment is there, and what is missing."""
    from consumers.up.doctor import run

    _run(run(_settings(config), as_json=as_json))


records = typer.Typer(no_args_is_help=True, help="The records database: its schema.")
app.add_typer(records, name="records")


@records.command(name="upgrade")
def records_upgrade(config: ConfigOption = None) -> None:
    """Bring the database of `records_url` to the schema of this release. Back it up first."""
    from consumers.records.commands import run_upgrade

    run_upgrade(_settings(config))


@records.command(name="check")
def records_check(config: ConfigOption = None) -> None:
    """Say whether the database has the schema of this release; exit code 1 if not."""
    from consumers.records.commands import run_check

    raise typer.Exit(run_check(_settings(config)))


def main() -> None:
    """Run the command line; the entry point of the package."""
    _add_offline_programs()
    sys.exit(_guarded(lambda: app(standalone_mode=False)))


@cache
def _add_offline_programs() -> None:
    """Mount the programs that declare their own options, for which nothing heavy is imported."""
    for module, name in (
        ("consumers.watch.detect_cli", "detect"),
        ("training.cli", "train"),
        ("training.tune_cli", "tune"),
        ("training.evaluation.cli", "evaluate"),
        ("export.cli", "export"),
        ("training.refresh.cli", "refresh"),
        ("training.refresh.drift_cli", "drift"),
        ("training.refresh.explain_cli", "explain"),
        ("consumers.notify.desk.cli", "subscribe"),
    ):
        app.command(name=name)(getattr(import_module(module), name))
    app.add_typer(import_module("training.functions_cli").functions, name="functions")
    app.add_typer(import_module("groundswell.models_cli").models, name="models")
    app.add_typer(import_module("groundswell.feedback_cli").feedback, name="feedback")
    app.add_typer(import_module("consumers.records.desk.cli").alerts, name="alerts")
    app.add_typer(import_module("consumers.series.cli").series, name="series")
    app.add_typer(import_module("consumers.web.keys_cli").keys, name="keys")
    subscribing, more = "consumers.notify.desk.cli", "consumers.notify.desk.more_cli"
    app.add_typer(import_module(subscribing).subscriptions, name="subscriptions")
    for name in ("channels", "silences", "deliveries"):
        app.add_typer(getattr(import_module(more), name), name=name)


def _guarded(call: Callable[[], Any]) -> int:
    """Run the call; return the exit code, with one line on stderr for whatever was foreseen."""
    try:
        result = call()
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except typer.Exit as end:
        return end.exit_code
    except GroundswellError as error:
        return _explain(error)
    except BrokenPipeError:
        return 141
    except Exception as error:
        if _is_usage_error(error):
            return 2
        raise
    return result if isinstance(result, int) else 0


def _explain(error: GroundswellError) -> Literal[1, 2, 3, 4]:
    typer.echo(f"groundswell: {error}", err=True)
    if isinstance(error, CannotStart):
        return 2
    if isinstance(error, CannotContinue):
        return 3
    if isinstance(error, Transient):
        return 4
    return 1


def _is_usage_error(error: Exception) -> bool:
    """Show click's own usage errors as click shows them, whichever copy of click typer runs on."""
    show = getattr(error, "show", None)
    if show is None:
        return False
    show()
    return True


if __name__ == "__main__":
    main()
