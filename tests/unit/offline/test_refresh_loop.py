"""The whole refresh in small: feedback in, training, gates, shadow, promotion, a label that changed for the better."""

import asyncio
import json
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from consumers.news.swap.bundles import Bundles
from consumers.shadows import ALL, Pair
from groundswell.errors import CannotContinue, CannotStart
from groundswell.models.registry import CHALLENGER, CHAMPION, Registry
from tests import refresh_world as world
from tests.news_world import item
from tests.swap_world import Swapping, swapping
from training.refresh.clock import SystemClock
from training.refresh.core.reasons import Policy
from training.refresh.core.shadowed import Asked, Side
from training.refresh.job import look, refresh
from training.refresh.journal import Journal, read_state, run_folder
from training.refresh.lock import LOCK, held
from training.refresh.shadowing import Shadowing
from training.refresh.steps import STEPS

pytestmark = pytest.mark.train

SAID = "positive"


class Killed(BaseException):
    """Nobody catches it, as nobody catches a kill."""


@pytest.fixture(scope="module")
def begun(trained, tmp_path_factory):
    """A registry with its champion, the files of rows and items, and the items."""
    folder = tmp_path_factory.mktemp("refresh")
    registry = world.registry_of()
    first = world.champion(trained[0], folder, registry)
    items = world.news(80)
    file = folder / "items.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    return registry, first, (trained[0].parent / "rows.jsonl", file), items


class Shelf(NamedTuple):
    """What a consumer follows: see ``tests.swap_world.Made``."""

    folder: Path
    registry: Registry
    bundles: Bundles


async def share_said(consumer, titles):
    """Put items on the topic; return the bundle that labelled the last one, and the share ``SAID``."""
    begin = len(consumer.topic.records[0])
    for number, title in enumerate(titles, start=begin):
        consumer.topic.add(item(title, id=str(number)))
    end = begin + len(titles)
    await consumer.until(lambda: consumer.topic.committed.get(0) == end)
    told = [row for row in consumer.writer.told(0, "Opinion") if int(row.id) >= begin]
    assert len(told) == len(titles)
    return told[-1].bundle, sum(row.sentiment.label == SAID for row in told) / len(told)


def noted_by(consumers):
    """Ask for a shadow run of 60 items, of which the first of the consumers leaves notes."""

    def noted(old, new):
        [consumer] = consumers
        seen = consumer.notes._held.get(Pair(old, new), {}).get(ALL)
        return Side() if seen is None else Side(*seen)

    return Shadowing(
        asked=Asked(items=60, hours=0.02, margin=0.25),
        seen=noted,
        ms=SystemClock().ms,
        pause=lambda _: time.sleep(0.05),
    )


async def test_killed_after_every_step_feedback_becomes_a_champion_that_labels_better(
    begun, trained, tmp_path, monkeypatch
):
    registry, first, files, items = begun
    unseen = [new["title"] for new in world.news(40, seed=9)]
    killed = []

    def kill(step):
        if step not in killed:
            killed.append(step)
            raise Killed(step)

    folder, consumers = tmp_path / "work", []  # type: ignore[var-annotated]
    shadowing = noted_by(consumers)
    said = world.votes(items, SAID)
    job = world.job_of(folder, registry, trained[0], files, said, after=kill, shadowing=shadowing)
    while "publish" not in killed:
        with pytest.raises(Killed):
            refresh(job)
        assert registry.alias(CHAMPION) == first, "nothing has changed for anybody"

    # A consumer is at work; the last steps are done beside it, and it follows.
    monkeypatch.setattr("consumers.news.swap.shadow.NOTE_SECONDS", 0.05)
    shelf = Shelf(tmp_path, registry, Bundles(registry, tmp_path / "cache", None))
    consumer = Swapping(shelf, shadow_share=1.0)
    consumers.append(consumer)
    usual = [json.loads(row)["text"] for row in files[0].read_text().splitlines()[:100]]
    async with swapping(consumer):
        served, before = await share_said(consumer, unseen[:20])
        await consumer.until(lambda: consumer.swapper._shadow.voice is not None)
        shadow = asyncio.ensure_future(asyncio.to_thread(refresh, job))
        await share_said(consumer, usual)
        with pytest.raises(Killed):
            await shadow
        assert killed[-1] == "shadow"
        assert registry.alias(CHAMPION) == first, "what ran in shadow has said nothing"
        for _ in ("promote", "state"):
            with pytest.raises(Killed):
                refresh(job)
        await consumer.until(lambda: consumer.serving != first.id)
        serves, after = await share_said(consumer, unseen)
    assert (served, serves) == (first.id, registry.alias(CHAMPION).id)
    assert before < 0.2
    assert after > 0.9
    outcome = refresh(job)

    assert killed == ["begun", *(name for name, _ in STEPS), "state"]
    assert outcome.outcome == "waiting", "the labels are used up"
    promoted_once(registry, folder, first)


def promoted_once(registry, folder, first):
    """Look at what a refresh left that was killed again and again."""
    assert read_state(folder).outcome == "promoted"
    assert Journal(run_folder(folder, 1)).ended == "kept"
    assert len(registry.history(CHAMPION)) == 2, "promoted once, however often it was killed"
    assert len(registry.versions()) == 2
    manifest = registry.manifest(registry.alias(CHAMPION))
    assert manifest.blessing.champion == first.id
    assert set(manifest.data) == {"rows", "feedback"}
    assert "items in shadow" in (Journal(run_folder(folder, 1)).result("shadow") or {})["why"]

    compared = (Journal(run_folder(folder, 1)).result("measure") or {})["compared"]
    new = next(c for c in compared if c["rows"] == "new" and c["head"] == "sentiment")
    old = [c for c in compared if c["rows"] == "old"]
    assert new["difference"] > 0.5
    assert min(c["difference"] for c in old) >= -0.05


def test_without_a_reason_it_waits_and_says_so(begun, trained, tmp_path):
    registry, _, files, items = begun
    job = world.job_of(
        tmp_path, registry, trained[0], files, world.votes(items[:3]), policy=Policy()
    )

    outcome = refresh(job)

    assert outcome.outcome == "waiting"
    assert "3 new labels of the" in outcome.why
    assert sorted(path.name for path in tmp_path.iterdir()) == [LOCK]


def test_a_dry_look_says_what_would_happen_and_writes_nothing(begun, tmp_path):
    registry, _, files, items = begun
    job = world.job_of(tmp_path / "none", registry, None, files, world.votes(items))

    decision = look(job).decision

    assert decision.go
    assert decision.kind == "base"
    assert "weights of the champion" in decision.reasons[-1]
    assert not (tmp_path / "none").exists()


def test_two_never_run_at_once(begun, trained, tmp_path):
    registry, _, files, items = begun
    job = world.job_of(tmp_path, registry, trained[0], files, world.votes(items))

    with held(tmp_path, "2026-01-01T00:00:00Z"), pytest.raises(CannotStart, match="is running"):
        refresh(job)


def test_whoever_lost_the_lock_promotes_nothing(tmp_path):
    with held(tmp_path, "2026-01-01T00:00:00Z") as first:
        (tmp_path / LOCK).unlink()
        with held(tmp_path, "2026-01-01T00:00:01Z") as second:
            second.check()
            with pytest.raises(CannotContinue, match="nothing was promoted"):
                first.check()


def test_each_holder_counts_the_fence_on(tmp_path):
    fences = []
    for _ in range(3):
        with held(tmp_path, "2026-01-01T00:00:00Z") as lock:
            fences.append(lock.owner.fence)

    assert fences == [1, 2, 3]


def test_labels_without_a_text_end_it_with_a_reason_and_no_challenger(begun, tmp_path):
    registry, _, files, _ = begun
    nobody = [{"id": f"gone{n}"} for n in range(30)]
    before = registry.alias(CHALLENGER)
    job = world.job_of(tmp_path, registry, None, files, world.votes(nobody))

    outcome = refresh(job)

    assert outcome.outcome == "nothing to learn"
    assert "text of the item is not at hand" in outcome.why
    assert registry.alias(CHALLENGER) == before
    assert refresh(job).outcome == "waiting"


def test_a_run_that_was_begun_with_other_options_is_left(begun, tmp_path):
    registry, _, files, _ = begun
    killed = []

    def kill(step):
        killed.append(step)
        raise Killed(step)

    job = world.job_of(
        tmp_path,
        registry,
        None,
        files,
        world.votes([{"id": "x"}]),
        after=kill,
        policy=Policy(least_labels=1),
    )
    with pytest.raises(Killed):
        refresh(job)
    other = world.job_of(
        tmp_path,
        registry,
        None,
        files,
        world.votes([{"id": "x"}]),
        policy=Policy(least_labels=1),
        how={"pull": 0.9},
    )

    assert refresh(other).outcome == "nothing to learn"
    assert Journal(run_folder(tmp_path, 1)).ended == "left"
    assert Journal(run_folder(tmp_path, 2)).ended == "nothing to learn"
