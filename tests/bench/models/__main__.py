"""
`python -m tests.bench.models COMMAND`: how good the models are, on public sets.

Commands: ``prepare`` (the parts), ``main`` and ``main-table`` (one model with every head), ``default``
(the model that is shipped), ``ladder`` (each rung by number of labels), ``regularisers`` (each part of the
recipe), ``speed`` (a step of training, part by part; needs no data). Figures are added to ``WORK/figures.jsonl``; tables go to the standard output as Markdown.
"""

import argparse
import os
import sys
from pathlib import Path

from groundswell.errors import GroundswellError
from tests.bench import texts
from tests.bench.models.machine import Machine
from training.encoder import DEFAULT


def main() -> None:
    """Run one command."""
    chosen = _arguments().parse_args()
    # Before torch or a BLAS counts the cores.
    os.environ.setdefault("OMP_NUM_THREADS", str(chosen.threads))
    from tests.bench.models import sources

    chosen.work.mkdir(parents=True, exist_ok=True)
    try:
        if chosen.command not in {"main-table", "speed"} and not getattr(chosen, "table", False):
            sources.prepare(chosen.data_dir, chosen.work, chosen.rows)
        print(_COMMANDS[chosen.command](chosen))
    except GroundswellError as error:
        sys.exit(f"{error}")


def _prepare(chosen: argparse.Namespace) -> str:
    return f"{chosen.work / 'data'}: the parts are there"


def _main(chosen: argparse.Namespace) -> str:
    from tests.bench.models import multi_head

    tasks = sorted(chosen.tasks.split(","))
    if unknown := set(tasks) - set(multi_head.HEADS):
        sys.exit(f"--tasks {', '.join(sorted(unknown))}: must be of {', '.join(multi_head.HEADS)}")
    bases = multi_head.baselines(chosen.work, tasks, chosen.rows)
    record = multi_head.measure(
        chosen.work,
        tasks,
        seed=chosen.seed,
        epochs=chosen.epochs,
        options=chosen.set,
        on=_machine(chosen),
    )
    return multi_head.shown(record, bases)


def _main_table(chosen: argparse.Namespace) -> str:
    from tests.bench.models import multi_head

    return multi_head.all_seeds(chosen.work)


def _default(chosen: argparse.Namespace) -> str:
    from tests.bench.models import shipped

    return shipped.shown(shipped.measure(chosen.work, chosen.bundle, chosen.threads))


def _ladder(chosen: argparse.Namespace) -> str:
    from tests.bench.models import ladder

    if not chosen.table:
        ladder.measure(chosen.work, chosen.seeds, chosen.set, _machine(chosen))
    shown = ladder.shown(chosen.work, chosen.set)
    ladder.draw(chosen.work, chosen.set, chosen.plot or ladder.PLOT)
    return shown


def _regularisers(chosen: argparse.Namespace) -> str:
    from tests.bench.models import regularisers

    if not chosen.table:
        regularisers.measure(
            chosen.work,
            chosen.seeds,
            chosen.only,
            epochs=chosen.epochs,
            options=chosen.set,
            on=_machine(chosen),
        )
    return regularisers.shown(chosen.work)


def _speed(chosen: argparse.Namespace) -> str:
    from tests.bench.models import step_speed

    return step_speed.measure(chosen.threads)


def _machine(chosen: argparse.Namespace) -> Machine:
    return Machine(chosen.threads, chosen.device, chosen.encoder)


_COMMANDS = {
    "prepare": _prepare,
    "main": _main,
    "main-table": _main_table,
    "default": _default,
    "ladder": _ladder,
    "regularisers": _regularisers,
    "speed": _speed,
}


def _seeds(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _arguments() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data-dir", type=Path, default=texts.DATA, help="or GROUNDSWELL_DATA")
    common.add_argument("--work", type=Path, default=texts.ROOT / ".bench" / "models")
    common.add_argument("--rows", type=int, default=0, help="of each set, to try the commands")
    common.add_argument("--threads", type=int, default=1)
    trains = argparse.ArgumentParser(add_help=False)
    trains.add_argument("--set", action="append", default=[], help="NAME=VALUE of the recipe")
    trains.add_argument("--device", default="cpu", help="cpu, or cuda")
    trains.add_argument("--encoder", default=DEFAULT, help="a directory, or a package")
    resumes = argparse.ArgumentParser(add_help=False)
    resumes.add_argument("--seeds", type=_seeds, default=[1, 2, 3], help="as in 1,2,3")
    resumes.add_argument("--table", action="store_true", help="only show what was measured")

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else "")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare", parents=[common])
    command = commands.add_parser("main", parents=[common, trains])
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--tasks", default="sentiment,topic,entities")
    command.add_argument("--epochs", type=int, default=3)
    commands.add_parser("main-table", parents=[common])
    command = commands.add_parser("default", parents=[common])
    command.add_argument("--bundle", type=Path, help="ask this one instead of making it anew")
    command = commands.add_parser("ladder", parents=[common, trains, resumes])
    command.add_argument("--plot", type=Path, help="where the plot goes; docs/images by default")
    command = commands.add_parser("regularisers", parents=[common, trains, resumes])
    command.add_argument("--epochs", type=int, default=3)
    command.add_argument("--only", action="append", default=[], help="part of a variant's name")
    commands.add_parser("speed", parents=[common])
    return parser


if __name__ == "__main__":
    main()
