"""
The steps of a refresh, in order. Each is given what the earlier ones wrote down, and returns what it will.

Rule: a step that is done again does no harm: files are written aside and renamed, the trainer goes on from
its last save, the registry takes the same version twice as one, and an alias that names it already stays.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console

from export.asked import Asked as AskedOfGates
from export.asked import plan_of
from export.gates.core.limits import Limits
from export.make import Precision, make_bundle
from groundswell.errors import CannotContinue
from groundswell.models.registry import CHALLENGER, CHAMPION, Registry, Version
from training.material import Sources
from training.refresh import gold
from training.refresh.core.votes import Settled
from training.refresh.journal import Begun, Journal
from training.refresh.labels import FILE, read_items, write_labels
from training.refresh.lock import Held
from training.refresh.material import Combined, Mix, combine, known_labels, old_material
from training.refresh.measured import compare, worth
from training.refresh.shadowing import Shadowing, wait
from training.refresh.warm import How, train

CHECKPOINT: Final = "checkpoint"
BUNDLE: Final = "bundle"
SNAPSHOT: Final = "snapshot.json"


class Stop(Exception):
    """The refresh ends here, for a reason that is no fault."""

    def __init__(self, outcome: str, why: str) -> None:
        super().__init__(why)
        self.outcome = outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    What a refresh is asked for.

    ``sources`` are the old rows, ``items`` files with the texts of items; ``gold``, ``live`` and ``limits``
    are for the gates (no gold: the old rows that are held out). ``challenger_only`` stops before a promotion.
    """

    name: str
    sources: Sources
    items: tuple[str, ...]
    licence: str = "own"
    how: How
    replay: float = 4.0
    gold: tuple[str, ...] = ()
    live: tuple[str, ...] = ()
    precisions: tuple[Precision, ...] = ("fp32", "int8-reduced")
    licences: frozenset[str] = frozenset()
    limits: Limits | None = None
    key: Path | None = None
    challenger_only: bool = False


@dataclass(slots=True, kw_only=True)
class Work:
    """A run: where it stands, what it was begun with, and what the steps share."""

    folder: Path
    base: Path
    """Where the old rows' split is kept."""
    begun: Begun
    wanted: Wanted
    settled: Settled
    registry: Registry
    journal: Journal
    lock: Held
    console: Console
    shadowing: Shadowing | None = None
    combined: Combined | None = None

    @property
    def champion(self) -> Path | None:
        """Where the champion's weights are, if they are at hand."""
        return Path(self.begun.checkpoint) if self.begun.checkpoint else None

    def material(self) -> Combined:
        """Return the rows, read once."""
        if self.combined is None:
            mix = Mix(kind=self.begun.kind, replay=self.wanted.replay, seed=self.begun.number)
            old = old_material(self.wanted.sources, self.base / SNAPSHOT)
            self.combined = combine(old, self.folder / FILE, mix)
        return self.combined

    def version(self) -> Version:
        """Return the version that was published."""
        held = self.journal.result("publish") or {}
        return msgspec.convert(held["version"], Version)


Result = dict[str, Any]


def snapshot(work: Work) -> Result:
    """Write down the labels of this refresh, and the gold rows; a later vote changes neither."""
    work.folder.mkdir(parents=True, exist_ok=True)
    work.base.mkdir(parents=True, exist_ok=True)
    split = work.base / SNAPSHOT
    if not split.is_file():
        old = old_material(work.wanted.sources, None)
        old.write(work.base)
    old = old_material(work.wanted.sources, split)
    items = read_items(work.wanted.items, {label.item for label in work.settled.labels})
    written = write_labels(
        work.folder / FILE,
        work.settled.labels,
        items,
        known_labels(old.tasks),
        work.wanted.licence,
    )
    if not written.rows:
        raise Stop("nothing to learn", f"no settled label can be used: {_told(written.left_out)}")
    held_out = gold.write_gold(work.folder / gold.FILE, old)
    return {
        "rows": written.rows,
        "labels": written.labels,
        "left_out": written.left_out,
        "conflicts": len(work.settled.conflicts),
        "held_out": held_out,
    }


def training(work: Work) -> Result:
    """Train; the trainer's own saves carry it over a kill."""
    combined = work.material()
    start = work.champion if work.begun.kind == "warm" else None
    report = train(
        combined,
        start,
        work.wanted.how,
        work.begun.number,
        work.folder / CHECKPOINT,
        work.console,
    )
    gold.write_seen(work.folder / gold.SEEN, combined.material)
    return {"rows": report.rows, "best_step": report.best_step, "seconds": round(report.seconds, 1)}


def measure(work: Work) -> Result:
    """Compare with the champion on what both never saw; stop where the new rows say no."""
    if work.champion is None:
        return {"compared": [], "why": "the champion's weights are not at hand; the gates compare"}
    split = work.material().material.split
    found = compare(work.champion, work.folder / CHECKPOINT, split.test)
    good, why = worth(found)
    work.console.print(why, markup=False)
    result = {"compared": msgspec.to_builtins(found), "why": why}
    if not good:
        raise Stop("not better", why)
    return result


def export(work: Work) -> Result:
    """Make the bundle and ask the gates; stop where one refuses."""
    wanted = work.wanted
    with tempfile.TemporaryDirectory(prefix="groundswell-champion-") as scratch:
        asked = AskedOfGates(
            checkpoint=work.folder / CHECKPOINT,
            gold=wanted.gold or (str(work.folder / gold.FILE),),
            live=wanted.live,
            train_data=(str(work.folder / gold.SEEN),),
            cards=wanted.sources.cards,
            licences=wanted.licences,
        )
        plan = plan_of(asked, work.registry, Path(scratch))
        if wanted.limits is not None:
            licences = plan.limits.licences | wanted.limits.licences
            limits = msgspec.structs.replace(wanted.limits, licences=licences)
            plan = replace(plan, limits=limits)
        manifest = make_bundle(
            work.folder / CHECKPOINT,
            work.folder / BUNDLE,
            name=wanted.name,
            precisions=wanted.precisions,
            created_at=work.begun.created_at,
            console=work.console,
            gates=plan,
            key=wanted.key,
        )
    refused = [gate for gate in manifest.gates if gate.passed is False]
    if refused:
        told = "; ".join(f"{gate.name}: {gate.reason}" for gate in refused)
        raise Stop("refused by the gates", told)
    return {"bundle": manifest.id, "gates": len(manifest.gates)}


def publish(work: Work) -> Result:
    """Store the bundle and name it challenger."""
    work.lock.check()
    version = work.registry.publish(work.folder / BUNDLE, by="groundswell refresh")
    work.registry.promote(
        version,
        work.registry.alias(CHALLENGER),
        CHALLENGER,
        reason="refresh",
        by="groundswell refresh",
    )
    return {"version": msgspec.to_builtins(version)}


def shadow(work: Work) -> Result:
    """Let it run in shadow at the consumers, if that is asked for; stop where it says something else."""
    run, version = work.shadowing, work.version()
    if run is None or work.wanted.challenger_only:
        return {"why": "no shadow run was asked for"}
    verdict, why = wait(run, work.registry, work.begun.champion, version)
    work.console.print(why, markup=False)
    if verdict == "wait":
        raise Stop("challenger", f"{version}: {why}; it stands as challenger")
    if verdict == "apart":
        raise Stop("apart in shadow", f"{version}: {why}; it stands as challenger")
    return {"why": why}


def promote(work: Work) -> Result:
    """Make it champion, if the champion is still the one that it was compared with."""
    version = work.version()
    if work.wanted.challenger_only:
        raise Stop(
            "challenger", f"{version}: stands as challenger; `groundswell models promote` ends it"
        )
    work.lock.check()
    present = work.registry.alias(CHAMPION)
    if present != version and (present.id if present else "") != work.begun.champion:
        raise Stop("overtaken", f"the champion is {present or 'nothing'} now; nothing was promoted")
    moved = work.registry.promote(
        version,
        present,
        reason=f"refresh {work.begun.number}: {'; '.join(work.begun.reasons)}",
        by="groundswell refresh",
    )
    return {"champion": version.id, "announced": moved.fault or "told"}


def _told(left_out: Mapping[str, int]) -> str:
    return "; ".join(f"{why} ({count})" for why, count in left_out.items()) or "there is none"


STEPS: Final[Sequence[tuple[str, Callable[[Work], Result]]]] = (
    ("snapshot", snapshot),
    ("train", training),
    ("measure", measure),
    ("export", export),
    ("publish", publish),
    ("shadow", shadow),
    ("promote", promote),
)


def go(work: Work, now: Callable[[], str], after: Callable[[str], None]) -> tuple[str, str]:
    """
    Do the steps that are not done; returns the outcome and why. ``after`` is called after each.

    Raises what the steps raise; what is done stays done.
    """
    for name, step in STEPS:
        if work.journal.result(name) is not None:
            continue
        work.console.print(f"{name} …", markup=False)
        try:
            result = step(work)
        except Stop as stop:
            return stop.outcome, str(stop)
        work.journal.add(name, now(), result)
        after(name)
    done = work.journal.result("promote")
    if done is None:
        raise CannotContinue(f"{work.folder}: the journal lost a step; remove the folder")
    return "promoted", f"{done['champion']} is champion"


def tidy(paths: Sequence[Path]) -> None:
    """Remove the folders of runs that are of no more use."""
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)
