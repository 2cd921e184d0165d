"""
`python -m tests.bench.detect`: the surge detector against its peers, and against its own promises.

Every part writes its figures to ``WORK/PART.json``, and is not run again while they are there (``--again``
runs it); the last step writes the tables and plots of docs/benchmark-detection.md from them.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from consumers.watch.core.parameters import Parameters
from groundswell.errors import GroundswellError
from tests.bench import texts


def main() -> None:
    """Run what is asked for."""
    chosen = _arguments().parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    chosen.work.mkdir(parents=True, exist_ok=True)
    try:
        for part in chosen.parts or _PARTS:
            path = chosen.work / f"{part}.json"
            if path.exists() and not chosen.again:
                continue
            figures = _measured(part, chosen)
            if figures is not None:
                path.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))
        if not chosen.parts or chosen.page:
            from tests.bench.detect import page

            page.write(chosen.work, chosen.page or page.PAGE)
    except (GroundswellError, ImportError) as error:
        sys.exit(f"{error}")


def _measured(part: str, chosen: argparse.Namespace) -> Any:
    """Measure one part; None where its data are not at hand."""
    began = time.monotonic()

    def log(what: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {part}: {what}", file=sys.stderr, flush=True)

    if part not in _PARTS:
        sys.exit(f"{part}: must be of {', '.join(_PARTS)}")
    return _PARTS[part](chosen, range(1, chosen.seeds + 1), log)


def _null(_: argparse.Namespace, seeds: range, log: Any) -> Any:
    from tests.bench.detect import nulls

    return nulls.nulls(seeds, Parameters(), log)


def _delay(_: argparse.Namespace, seeds: range, log: Any) -> Any:
    from tests.bench.detect import delays

    return delays.delays(seeds, Parameters(), log)


def _variants(_: argparse.Namespace, seeds: range, log: Any) -> Any:
    from tests.bench.detect import delays

    return delays.variants(seeds[:2], Parameters(), log)


def _compared(*, drift: bool) -> Any:
    def measured(_: argparse.Namespace, seeds: range, log: Any) -> Any:
        from tests.bench.detect import compare

        return compare.everything(compare.case(seeds, drift=drift), Parameters(), log)

    return measured


def _scenarios(_: argparse.Namespace, seeds: range, log: Any) -> Any:
    from tests.bench.detect import scenarios

    return scenarios.scenarios(seeds, Parameters(), log)


def _counts(_: argparse.Namespace, seeds: range, log: Any) -> Any:
    from tests.bench.detect import live

    return live.through(seeds, Parameters(), log)


def _nab(chosen: argparse.Namespace, _: range, log: Any) -> Any:
    from tests.bench.detect import series

    return series.measured(chosen.data_dir, log)


def _headlines(chosen: argparse.Namespace, _: range, log: Any) -> Any:
    from tests.bench.detect import headlines

    return headlines.measured(chosen.data_dir, chosen.work, chosen.bundle, log)


def _replayed(chosen: argparse.Namespace, _: range, log: Any) -> Any:
    from tests.bench.detect import replayed

    return replayed.measured(chosen.data_dir, chosen.work, chosen.bundle, log)


_PARTS = {
    "null": _null,
    "delay": _delay,
    "drift": _compared(drift=True),
    "clean": _compared(drift=False),
    "variants": _variants,
    "scenarios": _scenarios,
    "counts": _counts,
    "nab": _nab,
    "headlines": _headlines,
    "replayed": _replayed,
}


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else "")
    parser.add_argument(
        "parts", nargs="*", help=f"of {', '.join(_PARTS)}; by default all, and the page"
    )
    parser.add_argument("--again", action="store_true", help="even where there are figures already")
    parser.add_argument("--page", type=Path, help="write this page (docs/benchmark-detection.md)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data-dir", type=Path, default=texts.DATA, help="or GROUNDSWELL_DATA")
    parser.add_argument("--work", type=Path, default=texts.ROOT / ".bench" / "detect")
    parser.add_argument("--bundle", type=Path, default=texts.ROOT / "deploy" / "models" / "default")
    return parser


if __name__ == "__main__":
    main()
