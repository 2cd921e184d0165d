"""
Which execution provider runs the model, and which graph of the bundle suits the hardware.

Rules: a provider that was not asked for is never used; onnxruntime falls back to the CPU without a
word, so what it says it uses is compared with what was asked. Every choice comes with its reason.
"""

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import onnxruntime

from groundswell.errors import BundleError, CannotStart
from groundswell.models.bundle import Graph, Manifest

PROVIDERS: Final = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
"""Our names of the providers, and those of onnxruntime."""


class Choice(NamedTuple):
    """A graph, and why it was chosen."""

    graph: Graph
    reason: str


class Opened(NamedTuple):
    """
    A session on a provider; ``reason`` says why, and why not on those asked for before it.

    ``workers`` batches may be run at once, each on its share of the threads.
    """

    session: onnxruntime.InferenceSession
    provider: str
    choice: Choice
    reason: str
    workers: int


def has_vnni(cpuinfo: str, machine: str) -> bool:
    """Say whether 8-bit products are summed exactly: from /proc/cpuinfo and the machine's name."""
    if machine.lower() in {"arm64", "aarch64"}:
        return True
    flags = set(cpuinfo.split())
    return "avx512_vnni" in flags or "avx_vnni" in flags


def this_cpu_has_vnni() -> bool:
    """Look at the machine that this runs on; where it does not tell (not Linux), assume not."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        cpuinfo = ""
    return has_vnni(cpuinfo, platform.machine())


def choose_graph(manifest: Manifest, provider: str, *, vnni: bool) -> Choice:
    """
    Choose the graph for a provider (our name).

    Without VNNI the full int8 range overflows in 16-bit sums, so fp32 comes before it. Raises
    ``BundleError`` if the bundle holds none that fits.
    """
    order: tuple[str, ...]
    if provider != "cpu":
        order, why = ("fp16", "fp32"), f"a GPU through {provider}"
    elif vnni:
        order, why = ("int8", "int8-reduced", "fp32"), "a CPU with exact 8-bit sums"
    else:
        order, why = ("int8-reduced", "fp32", "int8"), "a CPU without VNNI"
    for precision in order:
        for graph in manifest.graphs:
            if graph.precision == precision:
                best = precision == order[0]
                return Choice(graph, f"{why}" + ("" if best else f"; there is no {order[0]} graph"))
    held = ", ".join(graph.precision for graph in manifest.graphs) or "nothing"
    raise BundleError(f"bundle {manifest.id}: no graph for {why}; it holds {held}")


def workers_of(provider: str, threads: int) -> int:
    """
    Return how many batches to compute at once.

    On a CPU, batches side by side on a thread each beat one batch on all threads: nothing waits for the
    slowest thread of each layer, least of all where another process takes a core.
    """
    return threads if provider == "cpu" else 1


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """
    Return the options of every session.

    Idle threads do not spin, since the event loop and the tokenizers share the cores; memory patterns
    are kept per shape, and no two batches have the same one.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_mem_pattern = False
    options.log_severity_level = 4  # faults are raised, not printed as well
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def open_session(
    directory: Path,
    manifest: Manifest,
    providers: Sequence[str],
    provider_options: Mapping[str, Mapping[str, str]],
    threads: int,
    workers: int,
) -> Opened:
    """
    Open the graph on the first of ``providers`` (our names, by preference) that really works.

    ``threads`` are shared out to ``workers`` (0: see ``workers_of``).

    Raises ``CannotStart`` that says of each why not, ``BundleError`` if the file is no graph.
    """
    faults: list[str] = []
    available = onnxruntime.get_available_providers()
    for provider in providers:
        wanted = PROVIDERS[provider]
        if wanted not in available:
            faults.append(f"{provider}: this onnxruntime holds no {wanted}")
            continue
        choice = choose_graph(manifest, provider, vnni=this_cpu_has_vnni())
        path = directory / choice.graph.file.path
        options = dict(provider_options.get(provider, {}))
        at_once = workers or workers_of(provider, threads)
        try:
            session = onnxruntime.InferenceSession(
                path, session_options(max(1, threads // at_once)), providers=[(wanted, options)]
            )
        except Exception as error:  # onnxruntime's have no common base
            if provider == "cpu":
                raise BundleError(f"{path}: onnxruntime cannot load it ({error})") from error
            faults.append(f"{provider}: {error}")
            continue
        session.disable_fallback()
        used = session.get_providers()
        if used[0] == wanted:
            reason = "; ".join([*faults, f"{provider} works"])
            return Opened(session, provider, choice, reason, at_once)
        faults.append(f"{provider}: onnxruntime fell back to {used[0]}")
    raise CannotStart(
        "none of the execution providers asked for can be used ("
        + "; ".join(faults)
        + "); install "
        "the matching onnxruntime and driver, or name another provider in `providers`"
    )
