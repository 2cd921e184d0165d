"""
The gates in order: what is measured, what each says of it, and the blessing or none.

Rules: a gate that could not be asked is recorded with its reason, never left out; the look at the gold set
is spent before anything is compared; nothing here changes the bundle.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from export.clean import check_in_clean_process
from export.gates.bench import Bench, functions_of, live_texts, open_bundle, set_up
from export.gates.core import files, labelled
from export.gates.core.labelled import not_asked
from export.gates.core.limits import Limits
from export.gates.core.measured import Beaten, Cost
from export.gates.core.statistics import spent
from export.gates.measuring import (
    behaviour_of,
    champion_behaviour,
    churn_of,
    compared_of,
    gold_of,
    parts_of,
    sureness_of,
)
from groundswell.errors import BundleError
from groundswell.models.bundle import Manifest, Verdict, load_manifest
from groundswell.models.registry import Registry
from groundswell.models.registry.looks import look
from training.data import read_card
from training.data.cards import ALLOWED
from training.evaluation.served import BundlePredictor

NO_GOLD: Final = "there are no gold rows (--gold)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    What a bundle is held against.

    ``gold`` names labelled files that nothing was trained on, ``live`` unlabelled ones; ``champion`` is a
    bundle's directory. ``licences`` are those of the training data by name, ``held`` the heads for which a
    quantised file is held to fp32 (None: all). ``registry`` keeps the looks at a gold set.
    """

    gold: tuple[str, ...] = ()
    cards: tuple[Path, ...] = ()
    champion: Path | None = None
    no_champion: str = "there is no champion (--champion)"
    live: tuple[str, ...] = ()
    train_data: tuple[str, ...] = ()
    functions: tuple[Path, ...] = ()
    licences: Mapping[str, str] = field(default_factory=dict)
    held: frozenset[str] | None = None
    registry: Registry | None = None
    limits: Limits = field(default_factory=lambda: Limits(licences=frozenset(ALLOWED)))
    threads: int = 1
    most: int = 300
    """Texts that a behavioural test asks about."""
    rounds: int = 3
    """Processes of each bundle that are timed in turn; the quickest counts."""


class Judged(NamedTuple):
    """The verdicts in order, with what a blessing says of what they rest on."""

    verdicts: tuple[Verdict, ...]
    champion: str
    gold: str
    look: int


def judge(directory: Path, plan: Plan, at: str, cost: Cost | None = None) -> Judged:
    """
    Ask every gate about the bundle in ``directory``.

    ``at`` is the time that a look is written down with, ``cost`` what a clean process has said already.
    Raises ``InputError`` for data that cannot be read, ``BundleError`` for a champion that cannot be used.
    """
    try:
        manifest = load_manifest(directory)
        cost = cost or check_in_clean_process(directory)
    except BundleError as error:
        # Nothing else can be asked of a bundle that does not load, or does not answer as it promised.
        return Judged((files.clean(str(error)),), "", "", 0)
    champion = None if plan.champion is None else load_manifest(plan.champion)
    functions = functions_of(plan.functions)
    ours = open_bundle(directory, functions, plan.threads)
    theirs = open_bundle(plan.champion, functions, plan.threads) if plan.champion else None
    verdicts = [_licences(plan)]
    bench, looked = None, 0
    if plan.gold:
        bench = _bench(ours, theirs, plan)
        looked = _look(plan, manifest, champion, bench.sha256, at)
        verdicts += _labelled(bench, manifest, plan, looked)
    else:
        verdicts += [not_asked(f"data: {part}", NO_GOLD) for part in ("leakage", "labels")]
        verdicts += _baselines(manifest)
        verdicts += [not_asked(name, NO_GOLD) for name in ("champion", "slices")]
    verdicts += _churn(bench, ours, theirs, plan)
    verdicts += _unpaired(bench, plan)
    verdicts += _files(directory, manifest, plan, cost)
    gold = bench.sha256 if bench else ""
    return Judged(tuple(verdicts), champion.id if champion else "", gold, looked)


def _bench(ours: BundlePredictor, theirs: BundlePredictor | None, plan: Plan) -> Bench:
    return set_up(
        ours,
        theirs,
        gold=plan.gold,
        cards=[read_card(path) for path in plan.cards],
        train_data=plan.train_data,
        most=plan.most,
    )


def _licences(plan: Plan) -> Verdict:
    if not plan.licences:
        return not_asked("data: licences", "the licences of the training data are not known")
    return labelled.licences(dict(plan.licences), plan.limits)


def _look(plan: Plan, manifest: Manifest, champion: Manifest | None, gold: str, at: str) -> int:
    """Spend a look, if there is a champion to be compared with and a registry to count in."""
    if champion is None or plan.registry is None:
        return 0
    weights = [graph.file.sha256 for graph in manifest.graphs]
    question = hashlib.sha256(msgspec.json.encode([weights, manifest.heads])).hexdigest()
    return look(plan.registry.shelf.objects, gold, question, champion.id, at).number


def _labelled(bench: Bench, manifest: Manifest, plan: Plan, looked: int) -> list[Verdict]:
    limits = plan.limits
    gold = [gold_of(beside, bench.train) for beside in bench.heads]
    verdicts = [labelled.leakage(gold), labelled.labels(gold, limits), *_baselines(manifest)]
    if bench.theirs is None:
        verdicts += [not_asked(name, plan.no_champion) for name in ("champion", "slices")]
        return verdicts
    error = spent(max(1, looked), limits.error)
    for beside in bench.heads:
        compared = compared_of(beside, error)
        name = beside.asked.function.name
        verdicts.append(
            labelled.champion(compared, looked, limits)
            if compared
            else not_asked(f"champion: {name}", "it has no head with these labels")
        )
    judged = {beside.asked.function.name for beside in bench.heads}
    verdicts += [
        not_asked(f"champion: {head.name}", "no gold row has a label of it")
        for head in manifest.heads
        if head.name not in judged
    ]
    parts = [part for beside in bench.heads for part in parts_of(beside)]
    return [*verdicts, labelled.slices(parts, limits)]


def _churn(
    bench: Bench | None, ours: BundlePredictor, theirs: BundlePredictor | None, plan: Plan
) -> list[Verdict]:
    """Compare the labels of live texts, else of the gold texts."""
    if theirs is None:
        return [not_asked("churn", plan.no_champion)]
    if plan.live:
        cards = [read_card(path) for path in plan.cards]
        texts, source = live_texts(plan.live, cards, ours.max_chars), "live texts"
    elif bench is not None:
        texts, source = [example.text for example in bench.ours.examples], "gold texts"
    else:
        return [not_asked("churn", "there are no texts (--live, --gold)")]
    return [labelled.churn(each, plan.limits) for each in churn_of(ours, theirs, texts, source)]


def _unpaired(bench: Bench | None, plan: Plan) -> list[Verdict]:
    """Hold the gold answers against themselves: how sure they are, and how they follow changed texts."""
    if bench is None:
        return [not_asked(name, NO_GOLD) for name in ("calibration", "behaviour")]
    sure = [found for beside in bench.heads if (found := sureness_of(beside))]
    tests, champions = behaviour_of(bench), champion_behaviour(bench)
    return [
        *(labelled.calibration(each, plan.limits) for each in sure),
        labelled.invariance(tests, champions, plan.limits),
        labelled.directions(tests, champions, plan.limits),
    ]


def _baselines(manifest: Manifest) -> list[Verdict]:
    found = [
        labelled.baseline(Beaten(head.name, int(test["rows"]), test["macro_f1"], tfidf["macro_f1"]))
        for head in manifest.heads
        if (test := manifest.metrics.get(f"{head.name} test"))
        and (tfidf := manifest.metrics.get(f"{head.name} tfidf"))
        and "macro_f1" in test
        and "macro_f1" in tfidf
    ]
    return found or [not_asked("baseline", "the trainer compared no head with TF-IDF")]


def _files(directory: Path, manifest: Manifest, plan: Plan, cost: Cost) -> list[Verdict]:
    limits = plan.limits
    held = plan.held if plan.held is not None else {head.name for head in manifest.heads}
    verdicts = [files.parity(manifest.parity, limits)]
    for graph in manifest.graphs:
        if graph.precision == "fp32":
            continue
        start = f"{graph.precision} "
        measured = {
            name.removeprefix(start): figures
            for name, figures in manifest.quantisation.items()
            if name.startswith(start)
        }
        verdicts.append(files.quantised(graph, measured, manifest.heads, held, limits))
    ours, champion = _costs(directory, plan.champion, cost, plan.rounds)
    verdicts += [files.latency(ours, champion, limits), files.memory(ours, champion, limits)]
    return [*verdicts, files.clean("")]


def _costs(
    directory: Path, champion: Path | None, first: Cost, rounds: int
) -> tuple[Cost, Cost | None]:
    """Time the two bundles in turn, so that whatever else the machine does meets both."""
    if champion is None:
        return first, None
    ours, theirs = [first], [check_in_clean_process(champion)]
    for _ in range(rounds - 1):
        ours.append(check_in_clean_process(directory))
        theirs.append(check_in_clean_process(champion))
    return min(ours), min(theirs)
