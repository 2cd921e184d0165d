"""
The fold: state + records of the log -> new state and what to add to the cells.

Laws: cutting a batch anywhere gives the same state and the same cells; delivering any prefix again
changes nothing but the count of repeats; totals only grow. ``recount`` uses this very function.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from consumers.counts.core import fence as fences
from consumers.counts.core.cells import (
    BUNDLES_KEPT,
    SCALE,
    SOURCES_KEPT,
    Tally,
    hash_of,
    merge,
    smallest,
)
from consumers.counts.core.following import NOBODY, Following
from consumers.counts.core.levels import LEVELS, MINUTES, CellHash, Shelf, place_of
from consumers.counts.core.lines import Entry, encode_line, line_of
from consumers.counts.core.minutes import minute_of
from consumers.counts.core.shelf import keeping, kept
from consumers.counts.core.state import Fence, PartitionState, Totals
from consumers.counts.core.step import SOURCE_KEPT, Finding, Step
from consumers.ports import Record
from groundswell.events import (
    SENTIMENTS,
    Gap,
    LogRecord,
    Mark,
    Opinion,
    Origin,
    Refusal,
    decode_log,
    millis,
    origin_of,
)
from groundswell.series import is_new_in

MISSED: Final = "missed"
"""The kind of finding that says: items were lost since the log deleted what it had said of them."""


class _Growing:
    """A tally that is being counted."""

    __slots__ = ("bundles", "counts", "negative", "sources")

    def __init__(self) -> None:
        self.counts = [0] * 12
        self.negative = 0
        self.bundles: set[int] = set()
        self.sources: set[int] = set()

    def tally(self) -> Tally:
        bundles, sources = (
            smallest(self.bundles, BUNDLES_KEPT),
            smallest(self.sources, SOURCES_KEPT),
        )
        return Tally(tuple(self.counts), self.negative, bundles, sources)


class _Batch:
    """The state of a batch while it is folded; lives only inside ``fold``."""

    def __init__(self, state: PartitionState, lateness: int, following: Following) -> None:
        self.following = following
        self.strangers: list[tuple[str, int]] = []
        self.lateness = lateness
        self.mark = state.mark
        self.newest = state.newest
        self.open_until = state.open_until
        self.fences = {(f.topic, f.topic_id, f.partition): f.offset for f in state.fences}
        self.totals = {name: 0 for name in Totals.__struct_fields__ if name != "refused"}
        self.refused = dict(state.totals.refused)
        self.minutes: defaultdict[tuple[str, int], _Growing] = defaultdict(_Growing)
        self.bundles: dict[int, str] = {}
        self.sources: dict[str, int] = {}
        self.found: dict[str, tuple[str, int]] = {}
        self.arrivals: list[int] = []
        self.lines: defaultdict[Shelf, list[Entry]] = defaultdict(list)

    def report(self, kind: str, detail: str, amount: int = 1) -> None:
        first, so_far = self.found.get(kind, (detail, 0))
        self.found[kind] = (first, so_far + amount)

    def add(self, partition: int, offset: int, record: LogRecord) -> None:
        """Fold one record in; ``partition`` and ``offset`` are its place in the log."""
        cut = offset < self.open_until
        key = self.key_of(record.origin)
        fence = self.fences.get(key)
        if isinstance(record, Mark):
            if fences.believes(fence, record.origin.offset, cut=cut):
                self.mark = max(self.mark, millis(record.at))
            return
        verdict = fences.judge(fence, record.origin.offset, record.origin.after, cut=cut)
        if verdict is fences.Verdict.ACCEPT:
            self.accept(key, fence, record, (partition, offset))
        elif verdict is fences.Verdict.REPEAT:
            self.totals["repeats"] += 1
        else:
            self.totals["holes"] += 1
            self.report(
                "hole",
                f"log offset {offset}: {_named(record.origin)} comes after {record.origin.after}, but "
                f"only {fence} is settled; it waits until the missing ones are written again",
            )

    def key_of(self, origin: Origin) -> tuple[str, str, int]:
        """
        Return the fence that a record goes by: one for each identity that a topic had.

        A topic without an identity (a broker that has none) goes by the newest identity known of it,
        and a first identity takes over from none: then only the numbers can tell.
        """
        key = (origin.topic, origin.topic_id, origin.partition)
        if key in self.fences:
            return key
        known = [k for k in self.fences if (k[0], k[2]) == (key[0], key[2])]
        if known and not origin.topic_id:
            return known[-1]
        if known and not known[-1][1]:
            self.fences = {key if k == known[-1] else k: v for k, v in self.fences.items()}
        return key

    def accept(
        self,
        key: tuple[str, str, int],
        fence: int | None,
        record: LogRecord,
        place: tuple[int, int],
    ) -> None:
        """Count a record that settles its offset, and move the fence."""
        origin = record.origin
        self.advance(key, fence, origin)
        if isinstance(record, Opinion):
            self.count(record, place)
        elif isinstance(record, Refusal):
            self.refused[record.reason] = self.refused.get(record.reason, 0) + 1
        elif isinstance(record, Gap):
            known = origin.after if fence is None else max(fence, origin.after)
            if fence is not None or origin.after >= 0:  # else the source began there for us
                lost = origin.offset - known
                self.totals["lost"] += lost
                self.report("lost", f"the source deleted items up to {_named(origin)} unread", lost)
        elif not isinstance(record, Mark):
            self.totals["ticks"] += 1
            self.mark = max(self.mark, millis(record.arrived_at))

    def pass_over(self, offset: int, origin: Origin | None) -> None:
        """Settle the offset of a record that cannot be read: what follows is no hole for ever."""
        self.totals["unreadable"] += 1
        if origin is None:
            return
        key = self.key_of(origin)
        fence, cut = self.fences.get(key), offset < self.open_until
        if fences.judge(fence, origin.offset, origin.after, cut=cut) is fences.Verdict.ACCEPT:
            self.advance(key, fence, origin)

    def advance(self, key: tuple[str, str, int], fence: int | None, origin: Origin) -> None:
        """Move a fence; name what a cut log has skipped, and a topic that was made anew."""
        if fence is None:
            self.begin(key)
        elif origin.after > fence:
            missed = origin.after - fence
            self.totals["lost"] += missed
            detail = (
                f"the log deleted what it said of the items between {fence} and {_named(origin)}"
            )
            self.report(MISSED, detail, missed)
        self.fences[key] = origin.offset

    def begin(self, key: tuple[str, str, int]) -> None:
        """Name a topic that was made anew: another identity of it has a fence already."""
        topic, identity, partition = key
        known = [k[1] for k in self.fences if (k[0], k[2]) == (topic, partition)]
        if known:
            self.totals["recreated"] += 1
            self.report(
                "recreated",
                f"topic {topic} was made anew (identity {known[-1]}, now {identity}): its partition "
                f"{partition} has a fence of its own now",
            )

    def count(self, opinion: Opinion, place: tuple[int, int]) -> None:
        """Add an opinion to the minute of each of its series, and to their shelves if it is negative."""
        arrived = millis(opinion.arrived_at)
        minute, late = minute_of(millis(opinion.published_at), arrived, self.mark, self.lateness)
        self.totals["counted"] += 1
        self.totals["late"] += late
        self.totals["unread"] += not opinion.read
        self.newest = max(self.newest, arrived)
        self.arrivals.append(arrived)
        bundle, source = hash_of(opinion.bundle), hash_of(opinion.source)
        self.bundles[bundle] = opinion.bundle
        if len(opinion.source) <= SOURCE_KEPT:
            self.sources[opinion.source] = max(minute, self.sources.get(opinion.source, minute))
        item = SENTIMENTS.index(opinion.sentiment.label) + 6 * late
        negative = round(opinion.sentiment.probabilities.get("negative", 0.0) * SCALE)
        lines: dict[bool, Entry] = {}
        counted, strangers = self.following.counted(opinion, place[1])
        self.strangers += [(name, minute) for name in strangers if is_new_in(opinion, name)]
        for series in counted:
            new = is_new_in(opinion, series)
            if opinion.sentiment.label == "negative":
                if new not in lines:
                    lines[new] = encode_line(line_of(opinion, minute, place, late=late, new=new))
                self.lines[Shelf(series, new)].append(lines[new])
            cell = self.minutes[series, minute]
            cell.counts[item] += 1
            cell.counts[item + 3] += new
            cell.negative += negative
            cell.bundles.add(bundle)
            cell.sources.add(source)

    def state(self, before: PartitionState, position: int) -> PartitionState:
        """Return the state after this batch."""
        grown = {name: getattr(before.totals, name) + n for name, n in self.totals.items()}
        return PartitionState(
            log_id=before.log_id,
            position=position,
            mark=self.mark,
            open_until=before.open_until,
            newest=self.newest,
            fences=tuple(Fence(*key, offset) for key, offset in self.fences.items()),
            totals=Totals(refused=tuple(sorted(self.refused.items())), **grown),
        )


def fold(
    state: PartitionState,
    records: Sequence[Record],
    lateness: int,
    following: Following = NOBODY,
) -> Step:
    """
    Fold ``records`` of one log partition, in log order, onto ``state``; ``lateness`` (L) is in ms.

    Records below the state's position are passed over; ``following`` says which series count.
    """
    batch = _Batch(state, lateness, following)
    position = state.position
    for record in records:
        if record.offset < position:
            continue
        position = record.offset + 1
        try:
            batch.add(record.partition, record.offset, decode_log(record.value or b""))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            batch.report("unreadable", f"log offset {record.offset}: {error}")
            batch.pass_over(record.offset, origin_of(record.value or b""))
    touched: dict[str, int] = {}
    for series, minute in batch.minutes:
        touched[series] = max(minute, touched.get(series, minute))
    return Step(
        state=batch.state(state, position),
        cells=_rolled_up({key: cell.tally() for key, cell in batch.minutes.items()}),
        touched=touched,
        bundles=batch.bundles,
        findings=tuple(Finding(kind, *found) for kind, found in batch.found.items()),
        arrivals=tuple(batch.arrivals),
        lines={s: kept(entries, keeping(new=s.new)) for s, entries in batch.lines.items()},
        began=state.position,
        version=following.version,
        strangers=tuple(batch.strangers),
        sources=batch.sources,
    )


def _rolled_up(minutes: Mapping[tuple[str, int], Tally]) -> dict[CellHash, dict[int, Tally]]:
    """Lay the tallies of minutes into the hashes of all three levels."""
    cells: dict[CellHash, dict[int, Tally]] = {}
    for (series, minute), tally in minutes.items():
        for level in LEVELS:
            window, field = place_of(level, minute // MINUTES[level])
            into = cells.setdefault(CellHash(level, series, window), {})
            into[field] = merge(into[field], tally) if field in into else tally
    return cells


def _named(origin: Origin) -> str:
    return f"{origin.topic}/{origin.partition} offset {origin.offset}"
