"""
One alert with everything that is known of it: values in, something that rich can print out. Pure.

Rules: each figure stands with how it is computed, and is computed again here: where the outcome differs
from what is stored, both are shown. Texts from outside are never markup, and never steer the terminal.
"""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from consumers.records.acting import DOUBLING
from consumers.records.alerts import Alert, Mark, Said, Snooze, Transition
from consumers.records.desk.figures import Again, Figures, Story, again, document, figures
from consumers.records.desk.forms import flags
from consumers.records.desk.listing import severity_text, state_text
from consumers.records.desk.moments import MINUTE_MS, length, short
from consumers.records.desk.plain import plain


def sheet(
    alert: Alert, history: tuple[Transition, ...], verdicts: tuple[Said, ...], now: int
) -> RenderableType:
    """Lay out an alert with its history and verdicts; ``now`` in ms."""
    found = figures(alert.evidence)
    parts: list[RenderableType] = [_head(alert, now), _rows(_facts(alert, found, now))]
    for title, body in (
        ("Stories", _stories(found.stories)),
        ("Series under it", _members(found.members)),
        ("What happened", _timeline(history)),
        ("Verdicts", _verdicts(verdicts)),
        ("Computed again", _computed(alert, found)),
        ("The detector", _detector(found)),
    ):
        if body is not None:
            parts += [Text(f"\n{title}", style="bold"), Padding(body, (0, 0, 0, 2))]
    return Group(*parts)


def _head(alert: Alert, now: int) -> Text:
    head = state_text(alert.state)
    head.append("  ")
    head.append_text(severity_text(alert.severity))
    head.append(f"  {plain(alert.series, 80)}", style="bold")
    head.append(f"  {plain(alert.about, 80)}  ({plain(alert.kind, 20)})")
    held = flags(alert, now)
    if held:
        head.append(f"  [{', '.join(held)}]", style="cyan")
    return head


def _rows(pairs: Iterator[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bright_black")
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(Text(name), Text(value))
    return table


def _facts(alert: Alert, found: Figures, now: int) -> Iterator[tuple[str, str]]:
    end = now if alert.resolved is None else alert.resolved * MINUTE_MS
    yield "id", plain(alert.id)
    yield "onset", f"{short(alert.onset * MINUTE_MS)} UTC"
    yield "fired", f"{short(alert.opened * MINUTE_MS)} UTC"
    if alert.resolved is not None:
        yield "resolved", f"{short(end)} UTC"
    yield "lasted", length(end - alert.opened * MINUTE_MS)
    if alert.reopened:
        yield "reopened", f"{alert.reopened} times"
    yield from _effect(alert, found)
    for name, mark in (("acknowledged", alert.acknowledged), ("silenced", alert.silenced)):
        if mark is not None:
            yield name, _mark(mark, now)
    if (held := alert.assigned) is not None:
        said = f"by {plain(held.actor)} at {short(held.at)} UTC{_because(held.comment)}"
        yield "assigned", f"to {plain(held.to)}, {said}"
    if (snooze := alert.snoozed) is not None:
        said = f"by {plain(snooze.actor)} at {short(snooze.at)} UTC"
        yield "snoozed", f"{said}, until {until_worse(snooze)}{_because(snooze.comment)}"
    if alert.inhibited_by:
        yield "inhibited", f"by {plain(alert.inhibited_by)}"
    if alert.closed:
        yield "", "a person resolved it; the detector has not let it go yet"


def _effect(alert: Alert, found: Figures) -> Iterator[tuple[str, str]]:
    if (effect := found.effect) is not None:
        low, high = effect.ratio_interval
        told = f"{effect.observed} negative stories against {effect.expected:.2f} expected"
        yield "seen", f"{told}: ×{effect.ratio:.2f} (95 % interval {low:.2f} … {high:.2f})"
        if effect.share is not None and effect.share_interval is not None:
            low, high = effect.share_interval
            told = f"{effect.negative} of {effect.stories} stories negative: {effect.share:.0%}"
            yield "share", f"{told} ({low:.0%} … {high:.0%}), usually {effect.usual:.0%}"
        yield "sources", f"{effect.sources}, {effect.trusted} of the trusted tier"
    if (threshold := found.threshold) is not None:
        told = f"ln M = {threshold.log_evidence:.2f}, threshold {threshold.log_threshold:.2f}"
        yield "evidence", f"{told}, highest {alert.peak:.2f}"


def _mark(mark: Mark, now: int) -> str:
    until = "until it ends"
    if mark.until is not None:
        until = f"until {short(mark.until)} UTC{' (over)' if mark.until <= now else ''}"
    return f"by {plain(mark.actor)} at {short(mark.at)} UTC, {until}{_because(mark.comment)}"


def until_worse(snooze: Snooze) -> str:
    """Say what ends a snooze."""
    worse = [] if snooze.severity == "critical" else ["it is critical"]
    if snooze.ratio:
        worse.append(f"its effect is ×{snooze.ratio * DOUBLING:.1f}")
    return ", or ".join([*worse, "it is over and comes back"])


def _because(comment: str) -> str:
    return f": {plain(comment, 2000)}" if comment else ""


def _stories(stories: tuple[Story, ...]) -> RenderableType | None:
    lines = []
    for number, story in enumerate(stories, 1):
        line = Text(f"{number}. ")
        line.append(plain(story.title) or "(no title)", style="bold")
        when = f"{short(story.published)} UTC" if story.published else "time not known"
        sure = "" if story.negative is None else f"  P(negative) {story.negative:.2f}"
        line.append(f"\n   {plain(story.source, 80)}  {when}{sure}  {_told(story)}")
        if story.url:
            line.append(f"\n   {plain(story.url)}", style="cyan")
        if story.spoke:
            line.append(f"\n   words: {plain(', '.join(story.spoke))}")
        lines.append(line)
    return Group(*lines) if lines else None


def _told(story: Story) -> str:
    if story.copies <= 1:
        return "told once"
    sources = "one source" if story.sources <= 1 else f"{story.sources} sources"
    return f"told {story.copies} times by {sources}"


def _members(members: tuple[str, ...]) -> RenderableType | None:
    return Text(plain(", ".join(members), 4000)) if members else None


def _timeline(history: tuple[Transition, ...]) -> RenderableType | None:
    table = Table.grid(padding=(0, 2, 0, 0))
    for line in history:
        moved = state_text(line.after)
        if line.action != "move":
            moved = Text(f"» {plain(line.action, 20)}", style="cyan")
        elif line.before == line.after and line.severity:
            moved = severity_text(line.severity)
        cause = Text(plain(_cause(line), 2000))
        table.add_row(
            Text(short(line.minute * MINUTE_MS), style="bright_black"),
            moved,
            Text(plain(line.actor, 60)),
            cause,
        )
    return table if history else None


def _cause(line: Transition) -> str:
    if line.action != "assign":
        return line.cause
    return f"to {document(line.evidence).get('to') or 'nobody'}{_because(line.cause)}"


def _verdicts(verdicts: tuple[Said, ...]) -> RenderableType | None:
    table = Table.grid(padding=(0, 2, 0, 0))
    for said in verdicts:
        table.add_row(
            Text(short(said.at), style="bright_black"),
            Text(plain(said.judgement, 10), style="bold"),
            Text(plain(said.actor, 60)),
            Text(plain(said.reason, 2000)),
        )
    return table if verdicts else None


def _computed(alert: Alert, found: Figures) -> RenderableType | None:
    lines = [_line(figure) for figure in again(found)]
    if (effect := found.effect) is not None and found.minute is not None:
        span = f"{short(effect.onset * MINUTE_MS)} to {short(found.minute * MINUTE_MS)} UTC"
        lines.append(
            Text(
                f"The counts are those of {plain(alert.series, 80)} in the minutes from {span}, in the "
                "store; `groundswell recount` compares that with the log. What was expected is the sum "
                "of the usual numbers of these minutes (docs/detection.md, Baseline)."
            )
        )
    return Group(*lines) if lines else None


def _line(figure: Again) -> Text:
    computed = " … ".join(f"{value:.4g}" for value in figure.computed)
    line = Text(f"{figure.name}: {figure.how} = {computed}  ")
    if figure.same:
        return line.append("✓ as stored", style="green")
    stored = " … ".join(f"{value:.4g}" for value in figure.stored)
    return line.append(f"✗ stored: {stored}", style="bold red")


def _detector(found: Figures) -> RenderableType | None:
    pairs = [(name, plain(value)) for name, value in found.parameters.items()]
    if found.threshold is not None:
        budget = (
            f"{found.threshold.budget:g} false alarms a day over {found.threshold.series} series"
        )
        pairs.insert(0, ("budget", budget))
    if found.bundles:
        pairs.append(("bundles", plain(", ".join(found.bundles))))
    if found.left_out:
        pairs.append(("partitions left out", plain(", ".join(map(str, found.left_out)))))
    for name, value in found.rest.items():
        pairs.append(("usual minute" if name == "null" else plain(name, 40), plain(value, 1000)))
    return _rows(iter(pairs)) if pairs else None
