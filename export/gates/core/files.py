"""The gates on a bundle's files: do they say what the model said, how fast, and for a stranger. Pure."""

from collections.abc import Collection, Mapping

from export.gates.core.labelled import not_asked
from export.gates.core.limits import Limits
from export.gates.core.measured import Cost
from groundswell.models.bundle import Graph, Head, Verdict

TEXTS = "texts"
"""Among the figures of parity: how many texts were compared."""


def parity(measured: Mapping[str, float], limits: Limits) -> Verdict:
    """Ask that fp32 ONNX say what torch says; ``measured`` holds the largest difference of each output."""
    outputs = {name: value for name, value in measured.items() if name != TEXTS}
    if not outputs:
        return Verdict(
            name="parity", passed=False, reason="the graph was never compared with torch"
        )
    worst = max(outputs, key=lambda name: outputs[name])
    passed = outputs[worst] <= limits.parity  # False of NaN
    return Verdict(
        name="parity",
        passed=passed,
        reason=f"{worst} differs from torch by {outputs[worst]:.1e} on {measured.get(TEXTS, 0):.0f} texts; "
        f"at most {limits.parity:.0e} is asked",
        figure=outputs[worst],
        threshold=limits.parity,
    )


def quantised(
    graph: Graph,
    measured: Mapping[str, Mapping[str, float]],
    heads: Collection[Head],
    held: Collection[str],
    limits: Limits,
) -> Verdict:
    """
    Ask that a smaller graph say what fp32 says.

    ``measured`` holds the figures of each head by its name; those of heads that are not ``held`` are
    reported only.
    """
    faults, said, nearest = [], [], (1.0, limits.agreement)
    for head in heads:
        figures = measured.get(head.name)
        if figures is None:
            faults.append(f"{head.name} was never compared with fp32")
            continue
        tokens = head.kind == "tokens"
        least = limits.entity_f1 if tokens else limits.agreement
        alike = figures["entity_f1" if tokens else "agreement"]
        apart = figures["mean_abs_dp"]
        text = f"{head.name} {'F1' if tokens else 'agrees'} {alike:.1%}, |Δp| {apart:.4f}"
        if head.name not in held:
            said.append(f"{text} (not held)")
            continue
        nearest = min(nearest, (alike, least), key=lambda pair: pair[0] - pair[1])
        right = alike >= least and (tokens or apart <= limits.mean_dp)
        (said if right else faults).append(text)
    asked = f"asked are {limits.agreement:.1%} and at most {limits.mean_dp}, of stretches F1 {limits.entity_f1}"
    note = f"; {graph.note}" if graph.note else ""
    return Verdict(
        name=f"quantised: {graph.precision}",
        passed=not faults,
        reason=f"{'; '.join([*faults, *said])}; {asked}{note}",
        figure=round(nearest[0], 6),
        threshold=nearest[1],
    )


def clean(fault: str) -> Verdict:
    """Ask that a process without torch load the bundle and answer its golden texts."""
    return Verdict(
        name="clean process",
        passed=not fault,
        reason=fault or "a process without torch loads it and answers the golden texts",
    )


def latency(ours: Cost, champion: Cost | None, limits: Limits) -> Verdict:
    """Bound the time for one text, by the champion's in the same run and by a limit of the operator."""
    if champion is None and limits.milliseconds is None:
        return not_asked("latency", "there is no champion beside it, and no --most-milliseconds")
    bounds = [] if limits.milliseconds is None else [limits.milliseconds]
    beside = ""
    if champion is not None:
        bounds.append(limits.slower * champion.milliseconds)
        beside = f", the champion's {champion.milliseconds:.2f}"
    limit = min(bounds)
    return Verdict(
        name="latency",
        passed=ours.milliseconds <= limit,
        reason=f"{ours.milliseconds:.2f} ms of CPU for one text{beside}; at most {limit:.2f} is asked",
        figure=round(ours.milliseconds, 3),
        threshold=round(limit, 3),
    )


def memory(ours: Cost, champion: Cost | None, limits: Limits) -> Verdict:
    """Bound the peak memory by the champion's."""
    if champion is None:
        return not_asked("memory", "there is no champion beside it")
    if ours.megabytes is None or champion.megabytes is None:
        return not_asked("memory", "this machine does not tell a process's memory")
    limit = limits.larger * champion.megabytes
    return Verdict(
        name="memory",
        passed=ours.megabytes <= limit,
        reason=f"{ours.megabytes:.0f} MB at most, the champion {champion.megabytes:.0f}; at most "
        f"{limit:.0f} is asked",
        figure=round(ours.megabytes, 1),
        threshold=round(limit, 1),
    )
