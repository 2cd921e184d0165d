"""
`python -m tests.bench.drift`: drift on public sets, and what a refresh gains and costs.

Drift: the default bundle reads Financial PhraseBank as the reference. Windows of the same set must alarm on
no more than the stated share; a stream that turns to Twitter Financial News, or whose shares of labels
change, must be found, and the items until then are counted. Refresh: a champion trained on the first set,
refreshed with labels of the second; both on rows that neither saw, with 95 % intervals of the difference.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rich.console import Console

from groundswell.drift.judging import SHARE, advice, calibrate, judge
from groundswell.models.reference import measure
from groundswell.models.session import load
from groundswell.text import normalise
from training.data.neighbours import clusters
from training.data.prepare import Wish
from training.encoder import DEFAULT
from training.evaluation.bootstrap import share
from training.material import Sources
from training.recipe import Recipe
from training.refresh.labels import FILE
from training.refresh.material import Mix, combine, old_material
from training.refresh.measured import compare
from training.refresh.warm import How, train
from training.train import Plan, run

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "sentiment"
SETS = ("financial_phrasebank", "twitter_financial_news")
WINDOW = 150
REFERENCE = 600
TIMES = 8
SKEW = {"negative": 0.6, "neutral": 0.25, "positive": 0.15}


def rows_of(name):
    lines = (DATA / f"{name}.jsonl").read_bytes().splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        row["text"] = normalise(row["text"], 2000)
    return [row for row in rows if row["text"]]


def units_of(bundle, rows):
    model = load(bundle, threads=1, heads={"sentiment"}, embedding=True)
    texts = [row["text"] for row in rows]
    return measure(model, bundle, texts, clusters(texts))


def confusion_of(units, rows, labels):
    counts = np.zeros((len(labels), len(labels)))
    said = units.probabilities["sentiment"].argmax(axis=1)
    for given, row in zip(said, rows, strict=True):
        counts[given, labels.index(row["sentiment"])] += 1
    return counts


def found_after(calibrated, units, order):
    """Items of a changed stream until the first alarm, and until two windows in a row."""
    verdicts, first = [], None
    for start in range(0, len(order) - WINDOW + 1, WINDOW):
        verdicts.append(judge(calibrated, units.take(order[start : start + WINDOW])))
        if first is None and verdicts[-1].alarms:
            first = start + WINDOW
        if advice(tuple(verdicts))[0]:
            return first, start + WINDOW, verdicts[-1].alarms
    return first, None, ()


def drift():
    bundle = ROOT / "deploy" / "models" / "default"
    first, second = rows_of(SETS[0]), rows_of(SETS[1])[:3000]
    labels = ["negative", "neutral", "positive"]
    ours, theirs = units_of(bundle, first), units_of(bundle, second)
    true = np.array([row["sentiment"] for row in first])
    alarms = windows = 0
    turned, skewed = [], []
    unasked: Mapping[str, str] = {}
    for turn in range(TIMES):
        draw = np.random.default_rng(turn)
        # Whole stories on one side, or a copy would stand in reference and window.
        stories = draw.permutation(np.unique(ours.story))
        side = np.isin(ours.story, stories[: len(stories) // 3])
        known = draw.permutation(np.flatnonzero(side))[: REFERENCE * 2]
        rest = draw.permutation(np.flatnonzero(~side))
        confusion = confusion_of(ours.take(known), [first[n] for n in known], labels)
        calibrated = calibrate(ours.take(known[:REFERENCE]), {"sentiment": confusion}, WINDOW)
        unasked = calibrated.unasked
        for start in range(0, len(rest) - WINDOW + 1, WINDOW):
            verdict = judge(calibrated, ours.take(rest[start : start + WINDOW]))
            alarms, windows = alarms + bool(verdict.alarms), windows + 1
        turned.append(found_after(calibrated, theirs, draw.permutation(len(theirs))[: 6 * WINDOW]))
        order = np.concatenate(
            [
                draw.permutation(rest[true[rest] == label])[: round(part * 450)]
                for label, part in SKEW.items()
            ]
        )
        skewed.append(found_after(calibrated, ours, draw.permutation(order)))
    rate = share(alarms, windows)
    print(
        f"without shift: {alarms} of {windows} windows of {WINDOW} alarm: {rate.value:.1%} "
        f"[{rate.low:.1%}, {rate.high:.1%}]; stated: {SHARE:.0%}"
    )
    for name, results in (
        (f"{SETS[0]} turns to {SETS[1]}", turned),
        ("other shares of labels", skewed),
    ):
        firsts = [r[0] for r in results if r[0]]
        seconds = [r[1] for r in results if r[1]]
        print(
            f"{name}: first alarm within {max(firsts, default=0)} items in {len(firsts)} of {TIMES}; two windows "
            f"in a row within {max(seconds, default=0)} in {len(seconds)}; {sorted({n for r in results for n in r[2]})}"
        )
    for head, why in unasked.items():
        print(f"not asked: {head}: {why}")


def put(path, rows, name, licence="own"):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    card = f"name: {name}\nlicence: {licence}\n"
    path.with_name(f"{path.name}.card.yaml").write_text(card, encoding="utf-8")
    return path


def refresh(old_rows, new_rows, epochs, encoder):
    quiet = Console(file=sys.stderr)
    draw = random.Random(0)
    first, second = rows_of(SETS[0]), rows_of(SETS[1])
    draw.shuffle(first)
    draw.shuffle(second)
    with tempfile.TemporaryDirectory(prefix="groundswell-bench-") as scratch:
        folder = Path(scratch)
        old = put(folder / "old.jsonl", first[:old_rows], "old")
        sources = Sources(
            data=(str(old),), functions=("sentiment",), wish=Wish(dev=0.1, test=0.3, doubt=False)
        )
        recipe = Recipe(epochs=epochs, learning_rate=2e-4, max_tokens=64)
        plan = Plan(
            sources=sources,
            strategy="full",
            encoder=encoder,
            command="bench",
            threads=1,
            device="cpu",
        )
        run(plan, recipe, folder / "champion", quiet)
        new = [{**row, "id": f"t{n}"} for n, row in enumerate(second[:new_rows])]
        labels = put(folder / FILE, new, "feedback")
        before = old_material(sources, folder / "champion" / "snapshot.json")
        for pull, replay in ((0.3, 2.0), (0.0, 0.0)):
            mix = Mix(kind="warm", replay=replay, least=512 if replay else 0)
            combined = combine(before, labels, mix)
            how = How(pull=pull, threads=1, device="cpu")
            out = folder / f"refreshed-{pull}"
            train(combined, folder / "champion", how, 1, out, quiet)
            print(f"pull {pull}, replay {replay}: {combined.material.notes}")
            for each in compare(folder / "champion", out, combined.material.split.test):
                print(
                    f"  {each.rows} rows ({each.count}): {each.metric} {each.champion:.3f} -> "
                    f"{each.challenger:.3f}, {each.difference:+.3f} [{each.low:+.3f}, {each.high:+.3f}]"
                )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("drift", "refresh"), nargs="*")
    parser.add_argument("--old", type=int, default=2400)
    parser.add_argument("--new", type=int, default=1500)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--encoder", default=DEFAULT)
    asked = parser.parse_args()
    parts = asked.part or ["drift", "refresh"]
    if "drift" in parts:
        drift()
    if "refresh" in parts:
        refresh(asked.old, asked.new, asked.epochs, asked.encoder)


if __name__ == "__main__":
    main()
