"""The twin of the records in memory: for tests, and for the tour on one machine."""

from collections.abc import Callable, Sequence

import msgspec

from consumers.records import folding
from consumers.records.acting import acted
from consumers.records.alerts import (
    Alert,
    Judgement,
    Mark,
    Minute,
    Said,
    Transition,
    Verdict,
)
from consumers.records.ports import (
    FREELY,
    Action,
    Bound,
    Committed,
    Filter,
    Lease,
    Loaded,
    Nothing,
    Outgoing,
    Page,
    Refused,
    Span,
)


class MemoryRecords:
    """The ``Records`` port in one process; ``wall`` gives the time in ms."""

    def __init__(self, wall: Callable[[], int]) -> None:
        self._wall = wall
        self._lease = Lease("", 0, 0)
        self._decided: tuple[int | None, int] = (None, 0)
        self._states: dict[str, bytes] = {}
        self._alerts: dict[str, Alert] = {}
        self._history: dict[int, Transition] = {}
        self._numbered = 0
        self._verdicts: list[Said] = []
        self._spans: list[Span] = []
        self._unsent: list[int] = []
        self._told: set[int] = set()
        self._links: set[str] = set()

    async def acquire(self, holder: str, ttl_ms: int) -> Lease:
        now = self._wall()
        if self._lease.holder in {"", holder} or self._lease.expires <= now:
            self._lease = Lease(holder, self._lease.epoch + 1, now + ttl_ms)
        return self._lease

    async def renew(self, lease: Lease, ttl_ms: int) -> Lease | None:
        if not self._holds(lease):
            return None
        self._lease = self._lease._replace(expires=self._wall() + ttl_ms)
        return self._lease

    async def release(self, lease: Lease) -> None:
        if self._holds(lease):
            self._lease = Lease("", lease.epoch, 0)

    async def load(self) -> Loaded:
        alerts = folding.newest_first(self._alerts.values())
        return Loaded(
            self._decided[0],
            dict(self._states),
            tuple(alert for alert in alerts if alert.state != "resolved"),
            tuple(alert for alert in alerts if alert.closed),
        )

    async def commit_minute(self, lease: Lease, minute: Minute) -> Committed | Refused:
        held, by = self._decided
        if not self._holds(lease):
            return Refused("not the holder", self._lease.epoch, held)
        if held == minute.minute and by == lease.epoch:
            return Committed(self._closed())
        if held != minute.after or (held is not None and minute.minute <= held):
            return Refused("not the next minute", self._lease.epoch, held)
        known = {name: self._alerts[name] for name in folding.touched(minute) & set(self._alerts)}
        written = folding.applied(known, minute, self._wall())
        self._decided = minute.minute, lease.epoch
        self._states.update(minute.states)
        self._states = {name: value for name, value in self._states.items() if value}
        self._alerts.update(written.alerts)
        span = folding.spanned(self._spans[-1] if self._spans else None, minute)
        if span is not None:
            kept = [known for known in self._spans if known.since != span.since]
            self._spans = [*kept, span]
        self._forget(folding.forgotten(held, minute.minute))
        for transition, tell in written.transitions:
            self._write(transition, tell=tell)
        for verdict in minute.verdicts:
            self._say(verdict)
        return Committed(self._closed())

    async def alerts(self, which: Filter, limit: int = 100, after: str | None = None) -> Page:
        found = folding.newest_first(a for a in self._alerts.values() if folding.matches(a, which))
        if after is not None:
            last = folding.place(after)
            found = [alert for alert in found if (alert.opened, alert.id) < last]
        more = len(found) > limit
        return Page(tuple(found[:limit]), folding.page_after(found[limit - 1]) if more else None)

    async def alert(self, id: str) -> Alert | None:  # noqa: A002
        return folding.the_one(await self.beginning(id, 2), id)

    async def beginning(self, text: str, limit: int = 10) -> tuple[Alert, ...]:
        found = sorted(name for name in self._alerts if text and name.startswith(text))
        return tuple(self._alerts[name] for name in found[:limit])

    async def history(self, alert: str) -> tuple[Transition, ...]:
        return tuple(line for line in self._history.values() if alert and line.alert == alert)

    async def verdicts(self, alert: str) -> tuple[Said, ...]:
        return tuple(verdict for verdict in self._verdicts if verdict.alert == alert)

    async def spans(self) -> tuple[Span, ...]:
        return tuple(self._spans)

    async def now(self) -> int:
        return self._wall()

    async def act(
        self,
        alert: str,
        action: Action,
        actor: str,
        comment: str,
        until: int | None = None,
        *,
        to: str = "",
        bound: Bound = FREELY,
    ) -> Alert | Nothing:
        known = self._bound(alert, bound)
        if isinstance(known, str):
            return known
        mark = Mark(folding.words(actor), self._wall(), folding.words(comment), until)
        done = acted(known, action, mark, folding.words(to))
        if isinstance(done, str):
            return done
        if bound.link is not None:
            self._links.add(bound.link[0])
        self._alerts[alert] = done[0]
        if done[1] is not None:
            self._write(done[1], tell=True)
        return done[0]

    def _bound(self, name: str, bound: Bound) -> Alert | Nothing:
        known = self._alerts.get(name)
        if known is None:
            return "unknown alert"
        if bound.still is not None and not bound.still(known, self._wall()):
            return "changed meanwhile"
        if bound.link is not None and bound.link[0] in self._links:
            return "the link was used before"
        return known

    async def judge(
        self, alert: str, judgement: Judgement, reason: str, actor: str, bound: Bound = FREELY
    ) -> Alert | Nothing:
        known = self._bound(alert, bound)
        if isinstance(known, str):
            return known
        verdict = Verdict(alert, judgement, folding.words(reason), folding.words(actor))
        self._alerts[alert] = folding.judged(known, verdict)
        self._say(verdict)
        return self._alerts[alert]

    async def unsent(self, limit: int = 100) -> tuple[Outgoing, ...]:
        lines = [self._history[number] for number in self._unsent[:limit]]
        return tuple(Outgoing(li.number, li, self._alerts.get(li.alert)) for li in lines)

    async def sent(self, numbers: Sequence[int]) -> None:
        self._unsent = [number for number in self._unsent if number not in set(numbers)]

    async def close(self) -> None:
        """Nothing is held."""

    def _holds(self, lease: Lease) -> bool:
        return (self._lease.holder, self._lease.epoch) == (lease.holder, lease.epoch)

    def _closed(self) -> tuple[str, ...]:
        return tuple(sorted(name for name, alert in self._alerts.items() if alert.closed))

    def _write(self, transition: Transition, *, tell: bool) -> None:
        self._numbered += 1
        self._history[self._numbered] = folding.numbered(transition, self._numbered)
        if tell:
            self._unsent.append(self._numbered)
            self._told.add(self._numbered)

    def _forget(self, before: int | None) -> None:
        if before is not None:
            self._history = {
                number: line
                for number, line in self._history.items()
                if line.alert or line.minute >= before or number in self._told
            }

    def _say(self, verdict: Verdict) -> None:
        said = [v for v in self._verdicts if (v.alert, v.actor) == (verdict.alert, verdict.actor)]
        added = Said(**msgspec.structs.asdict(verdict), at=self._wall())
        if not said or (said[-1].judgement, said[-1].reason) != (added.judgement, added.reason):
            self._verdicts.append(added)
