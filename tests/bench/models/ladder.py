"""
`ladder`: each rung at 0, 8, 32, 128 and all labels a class of Financial PhraseBank, and what ``auto`` takes.

So many labelled rows are all there is: the product deals a tenth of them to dev, as for any user. The test
part is the same for all. Rule: what ``figures.jsonl`` holds is not measured again.
"""

import json
import random
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from tests.bench import texts
from tests.bench.models import judge, records, sources, training_run
from tests.bench.models.machine import Machine
from tests.bench.models.records import Record
from training.evaluation.tables import table

KIND: Final = "ladder"
COUNTS: Final = (0, 8, 32, 128, -1)
"""Labels a class; -1: all."""
RUNGS: Final = ("zero-shot", "few-shot", "lora", "full")
PLOT: Final = texts.ROOT / "docs" / "images" / "ladder.png"
_SMALL: Final = 32
_FIGURE: Final = "phrasebank macro_f1"
_RING: Final[dict[str, Any]] = {"markersize": 11, "mfc": "none", "mec": "#222222"}
_COLOURS: Final = {
    "zero-shot": "#9aa7b4",
    "few-shot": "#c77b30",
    "lora": "#3b8f6b",
    "full": "#1f4e79",
}


def measure(work: Path, seeds: Sequence[int], options: Sequence[str], on: Machine) -> None:
    """Measure what is missing, and which rung ``auto`` takes for each count."""
    for seed in seeds:
        for count in COUNTS:
            for rung in RUNGS if count else RUNGS[:1]:
                # Without training nothing depends on labels or seed.
                wanted = {"count": 0, "seed": 0} if rung == "zero-shot" else {}
                key = {"kind": KIND, "rung": rung, "count": count, "seed": seed} | wanted
                if records.find(records.read(work), **key, options=list(options)) is None:
                    print(f"{rung}, {_named(count)} labels a class, seed {seed} …", file=sys.stderr)
                    records.append(
                        work, {**key, "options": list(options)} | _one(work, key, options, on)
                    )


def _one(work: Path, key: dict[str, Any], options: Sequence[str], on: Machine) -> dict[str, Any]:
    from training.evaluation.run import open_model

    count, out = (
        key["count"],
        work / "models" / f"ladder-{key['rung']}-{key['count']}-{key['seed']}",
    )
    asked = _asked(work, count, key["seed"], key["rung"], options)
    auto = auto_of(asked) if count else "zero-shot"
    seconds = training_run.train(asked, out, on)
    model = open_model(out, [], precision="fp32", device="cpu", threads=on.threads)
    said = judge.ask(model, "phrasebank", [sources.part(work, "phrasebank", "test")])
    training_run.forget(out)
    return {"auto": auto, "figures": judge.figures(said) | {"minutes": seconds / 60}}


def _asked(
    work: Path, count: int, seed: int, rung: str, options: Sequence[str]
) -> training_run.Asked:
    files: tuple[Path, ...] = ()
    if count:
        path = work / "data" / f"ladder-{count}-{seed}.jsonl"
        rows = [
            json.loads(line)
            for which in ("train", "dev")
            for line in sources.part(work, "phrasebank", which)
            .read_text(encoding="utf-8")
            .splitlines()
        ]
        path.write_text(
            "".join(json.dumps(row) + "\n" for row in drawn(rows, count, seed)), encoding="utf-8"
        )
        card = sources.PUBLIC["phrasebank"]
        path.with_name(f"{path.name}.card.yaml").write_text(
            json.dumps({"name": path.stem, "licence": card.licence}), encoding="utf-8"
        )
        files = (path,)
    small = {"batch": 16} if 0 <= count <= _SMALL else {}
    return training_run.Asked(
        files=files,
        functions=("sentiment",),
        recipe=training_run.recipe(options, seed=max(seed, 1), max_tokens=96, **small),
        strategy=rung,
        fixed=False,
    )


def drawn(rows: Sequence[dict[str, Any]], count: int, seed: int) -> list[dict[str, Any]]:
    """Draw ``count`` rows of each label; all of them for -1, or where there are fewer."""
    order = list(rows)
    random.Random(seed).shuffle(order)
    if count < 0:
        return order
    left: dict[str, int] = {}
    kept = []
    for row in order:
        left[row["sentiment"]] = left.get(row["sentiment"], 0) + 1
        if left[row["sentiment"]] <= count:
            kept.append(row)
    return kept


def auto_of(asked: training_run.Asked) -> str:
    """Return the rung that ``auto`` takes for the same data."""
    from training.data.prepare import Wish
    from training.material import Sources, gather
    from training.strategies.choice import pick

    wish = Wish(dev=0.1, test=0.0, seed=asked.recipe.seed, doubt=False)
    material = gather(
        Sources(
            data=tuple(map(str, asked.files)),
            functions=asked.functions,
            allowed=sources.LICENCES,
            wish=wish,
        )
    )
    return pick("auto", [task.function for task in material.tasks], material.split.train).name


def _named(count: int) -> str:
    return "all" if count < 0 else str(count)


def values_of(found: Iterable[Record]) -> dict[str, dict[int, list[float]]]:
    """Return macro-F1 by rung and count, a value a seed; zero-shot stands the same at every count."""
    values: dict[str, dict[int, list[float]]] = {rung: {} for rung in RUNGS}
    for record in records.latest(found, "rung", "count", "seed"):
        for count in COUNTS if record["rung"] == "zero-shot" else (record["count"],):
            values[record["rung"]].setdefault(count, []).append(record["figures"][_FIGURE])
    return values


def autos_of(found: Iterable[Record]) -> dict[int, str]:
    """Return the rung that ``auto`` took for each count."""
    return {record["count"]: record["auto"] for record in found}


def found_with(work: Path, options: Sequence[str]) -> list[Record]:
    """Return what was measured with these options of the recipe; ends where there is nothing."""
    wanted = {"kind": KIND, "options": list(options)}
    found = [r for r in records.read(work) if all(r.get(k) == v for k, v in wanted.items())]
    if not found:
        sys.exit("nothing was measured with these options yet: run `ladder` without --table")
    return found


def shown(work: Path, options: Sequence[str]) -> str:
    """Return the table, with how far ``auto`` is below the best rung of each count, in points."""
    found = found_with(work, options)
    values, autos = values_of(found), autos_of(found)
    lines = []
    for count in COUNTS:
        means = {r: statistics.mean(values[r][count]) for r in RUNGS if values[r].get(count)}
        auto = autos.get(count, "")
        behind = f"{100 * (max(means.values()) - means[auto]):.1f}" if auto in means else "–"
        cells = [records.spread(values[rung].get(count, [])) for rung in RUNGS]
        lines.append([_named(count), *cells, auto or "–", behind])
    header = ["labels a class", *RUNGS, "auto takes", "points below the best"]
    return "\n".join(table(header, lines))


def draw(work: Path, options: Sequence[str], path: Path) -> None:
    """Write the plot: macro-F1 of each rung by labels a class, a ring around what ``auto`` takes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    found = found_with(work, options)
    values, autos = values_of(found), autos_of(found)
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    for rung in RUNGS:
        places = [place for place, count in enumerate(COUNTS) if values[rung].get(count)]
        runs = [values[rung][COUNTS[place]] for place in places]
        means = [statistics.mean(run) for run in runs]
        colour = _COLOURS[rung]
        dashed = "--" if rung == "zero-shot" else "-"
        axes.plot(places, means, dashed, marker="o", markersize=4, color=colour, label=rung)
        axes.fill_between(
            places, list(map(min, runs)), list(map(max, runs)), color=colour, alpha=0.15
        )
        mine = [n for n, place in enumerate(places) if autos.get(COUNTS[place]) == rung]
        axes.plot([places[n] for n in mine], [means[n] for n in mine], "o", **_RING)
    axes.plot([], [], "o", **_RING, label="what auto takes")
    axes.set_xticks(range(len(COUNTS)), [_named(count) for count in COUNTS])
    axes.set(xlabel="labelled rows a class", ylabel="macro-F1 on the test part")
    axes.set_title("Financial PhraseBank: each rung of the ladder")
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=len(RUNGS) + 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"font.size": 9}):
        figure.savefig(path, dpi=130, metadata={"Software": None})
