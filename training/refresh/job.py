"""
One refresh: look, decide, and do the steps; or go on with a run that was killed.

Rules: a run is gone on with only while everything that it was begun with still holds (the options, the
champion), else it is left and a new one begins; the state is written last, and once.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
from rich.console import Console

from groundswell.errors import InputError
from groundswell.models.bundle import sha256_of
from groundswell.models.registry import CHAMPION, Registry, Version
from training import checkpoint as store
from training.refresh.core.reasons import Decision, Known, Policy, decide
from training.refresh.core.votes import Settled
from training.refresh.journal import (
    BEGUN,
    ENDED,
    Begun,
    Journal,
    State,
    last_run,
    old_runs,
    read_state,
    replace,
    run_folder,
    write_state,
)
from training.refresh.lock import Held, held
from training.refresh.material import old_material
from training.refresh.shadowing import Shadowing
from training.refresh.steps import CHECKPOINT, SNAPSHOT, Wanted, Work, go, tidy
from training.refresh.warm import same_functions

_DIGITS = 12
"""Of the weights' hash, at the end of a bundle's version."""


class Clock(Protocol):
    """The time, twice: RFC 3339 in seconds, and ms since 1970."""

    def text(self) -> str:
        """Return it as RFC 3339."""
        ...

    def ms(self) -> int:
        """Return it in ms since 1970."""
        ...


class Outcome(NamedTuple):
    """How a refresh ended (``waiting`` if it did not begin), and why."""

    outcome: str
    why: str
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """
    What is refreshed, where and when.

    ``checkpoint`` is the directory of the champion's weights for the first time, before there is a state;
    ``drift`` says what moved, given the champion ("" for nothing); ``shadowing`` None: promoted without a
    shadow run; ``after`` is called after each step.
    """

    folder: Path
    registry: Registry
    settled: Settled
    wanted: Wanted
    policy: Policy
    clock: Clock
    console: Console
    checkpoint: Path | None = None
    shadowing: Shadowing | None = None
    drift: Callable[[Version | None], str] = field(default=lambda _: "")
    after: Callable[[str], None] = field(default=lambda _: None)

    @property
    def fingerprint(self) -> str:
        """Return a hash of the options."""
        said = (
            repr(self.wanted.sources),
            repr(self.wanted.how),
            self.wanted.gold,
            self.wanted.name,
        )
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


class Seen(NamedTuple):
    """What a look found: the champion, its weights if they are at hand, and what was decided."""

    champion: Version | None
    checkpoint: Path | None
    decision: Decision
    state: State


def look(job: Job, *, force: bool = False) -> Seen:
    """Look at feedback, champion, age and drift, and decide. Nothing is written."""
    state = read_state(job.folder)
    champion = job.registry.alias(CHAMPION)
    checkpoint, cannot = _weights(job, state, champion)
    snapshot = job.folder / SNAPSHOT
    split = snapshot if snapshot.is_file() else _beside(checkpoint)
    old = old_material(job.wanted.sources, split)
    if checkpoint and not same_functions(store.read_checkpoint(checkpoint), old.tasks):
        checkpoint, cannot = None, "the functions have other labels than the champion"
    known = Known(
        labels=len(job.settled.labels),
        used=state.used,
        rows=len(old.split.train),
        refreshed=state.refreshed,
        warm=state.warm,
        drift=job.drift(champion),
        cannot=cannot,
    )
    decision = decide(known, job.policy, job.clock.ms(), force=force)
    return Seen(champion, checkpoint, decision, state)


def _weights(job: Job, state: State, champion: Version | None) -> tuple[Path | None, str]:
    """Find the champion's weights: those of the state, or the ones that were named."""
    if champion is None:
        return None, "there is no champion yet"
    tried = [Path(path) for path in (state.checkpoint, job.checkpoint) if path]
    for path in tried:
        weights = path / store.WEIGHTS
        if weights.is_file() and champion.id.endswith(sha256_of(weights)[:_DIGITS]):
            return path, ""
    if job.checkpoint is not None and not (job.checkpoint / store.WEIGHTS).is_file():
        raise InputError(f"--checkpoint {job.checkpoint}: holds no {store.WEIGHTS}")
    named = ", ".join(map(str, tried)) or "none was named with --checkpoint"
    return None, f"the weights of the champion {champion} are not at hand ({named})"


def _beside(checkpoint: Path | None) -> Path | None:
    found = checkpoint / SNAPSHOT if checkpoint else None
    return found if found and found.is_file() else None


def refresh(job: Job, *, force: bool = False) -> Outcome:
    """Refresh once, if there is reason; raises what the steps raise, and ``CannotStart`` if one is running."""
    with held(job.folder, job.clock.text()) as lock:
        work = _open(job, lock)
        if work is None:
            seen = look(job, force=force)
            if not seen.decision.go:
                return Outcome("waiting", "; ".join(seen.decision.reasons))
            work = _begin(job, seen, lock)
        job.console.print(
            f"refresh {work.begun.number}, {work.begun.kind}: {'; '.join(work.begun.reasons)}",
            markup=False,
        )
        outcome, why = go(work, job.clock.text, job.after)
        _end(job, work, outcome, why)
        return Outcome(outcome, why, work.begun.number)


def _open(job: Job, lock: Held) -> Work | None:
    """Return the run that was killed, if it can be gone on with; else write down why it is left."""
    number = last_run(job.folder)
    if not number:
        return None
    journal = Journal(run_folder(job.folder, number))
    begun = journal.begun
    if begun is None or journal.ended:
        return None
    if begun.number <= read_state(job.folder).runs:
        # Killed between the state and the journal's last line.
        journal.add(ENDED, job.clock.text(), {"outcome": "kept"})
        return None
    champion = job.registry.alias(CHAMPION)
    ours = (journal.result("publish") or {}).get("version", {}).get("id")
    why = ""
    if begun.asked != job.fingerprint:
        why = "it was asked for with other options"
    elif (champion.id if champion else "") not in {begun.champion, ours}:
        why = f"the champion is {champion or 'nothing'} now"
    if why:
        job.console.print(f"refresh {number} is left: {why}", markup=False)
        journal.add(ENDED, job.clock.text(), {"outcome": "left", "why": why})
        return None
    job.console.print(f"going on with refresh {number}", markup=False)
    return _work(job, begun, journal, lock)


def _begin(job: Job, seen: Seen, lock: Held) -> Work:
    number = max(last_run(job.folder), seen.state.runs) + 1
    split = job.folder / SNAPSHOT
    beside = _beside(seen.checkpoint)
    if beside is not None and not split.is_file():
        # What the first champion held out stays held out for good.
        replace(split, beside.read_bytes())
    begun = Begun(
        number=number,
        kind=seen.decision.kind,
        champion=seen.champion.id if seen.champion else "",
        checkpoint=str(seen.checkpoint or ""),
        created_at=job.clock.text(),
        asked=job.fingerprint,
        labels=len(job.settled.labels),
        reasons=seen.decision.reasons,
    )
    journal = Journal(run_folder(job.folder, number))
    journal.add(BEGUN, begun.created_at, msgspec.to_builtins(begun))
    job.after(BEGUN)
    return _work(job, begun, journal, lock)


def _work(job: Job, begun: Begun, journal: Journal, lock: Held) -> Work:
    return Work(
        folder=run_folder(job.folder, begun.number),
        base=job.folder,
        begun=begun,
        wanted=job.wanted,
        settled=job.settled,
        registry=job.registry,
        journal=journal,
        lock=lock,
        console=job.console,
        shadowing=job.shadowing,
    )


def _end(job: Job, work: Work, outcome: str, why: str) -> None:
    """Keep what the next refresh must know, then close the journal."""
    before, begun = read_state(job.folder), work.begun
    promoted = outcome == "promoted"
    state = State(
        runs=begun.number,
        refreshed=job.clock.ms(),
        used=begun.labels,
        warm=(before.warm + 1 if begun.kind == "warm" else 0) if promoted else before.warm,
        champion=work.version().id if promoted else before.champion,
        checkpoint=str(work.folder / CHECKPOINT)
        if promoted
        else (before.checkpoint or begun.checkpoint),
        outcome=outcome,
    )
    write_state(job.folder, state)
    job.after("state")
    work.journal.add(ENDED, job.clock.text(), {"outcome": outcome, "why": why})
    tidy(old_runs(job.folder, state))
