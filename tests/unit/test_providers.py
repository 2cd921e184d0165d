"""Which graph and which provider is chosen, and that nothing falls back in silence."""

import msgspec
import onnxruntime
import pytest

from groundswell.errors import BundleError, CannotStart
from groundswell.models import providers, session
from groundswell.models.bundle import Graph, load_manifest
from groundswell.models.providers import choose_graph, has_vnni
from groundswell.models.session import load
from tests.news_world import TINY


def graphs_of(*precisions):
    [graph] = load_manifest(TINY).graphs
    return msgspec.structs.replace(
        load_manifest(TINY),
        graphs=tuple(Graph(file=graph.file, precision=p, verified=True) for p in precisions),
    )


@pytest.mark.parametrize(
    ("provider", "vnni", "held", "chosen"),
    [
        ("cpu", True, ("fp32", "int8", "int8-reduced"), "int8"),
        ("cpu", True, ("fp32", "int8-reduced"), "int8-reduced"),
        ("cpu", False, ("fp32", "int8", "int8-reduced"), "int8-reduced"),
        ("cpu", False, ("int8", "fp32"), "fp32"),
        ("cpu", False, ("int8",), "int8"),
        ("cuda", True, ("fp32", "fp16"), "fp16"),
        ("tensorrt", True, ("fp32", "int8"), "fp32"),
    ],
)
def test_the_graph_follows_the_hardware(provider, vnni, held, chosen):
    choice = choose_graph(graphs_of(*held), provider, vnni=vnni)

    assert choice.graph.precision == chosen
    assert choice.reason


def test_a_bundle_without_a_graph_that_fits_is_refused():
    with pytest.raises(BundleError, match="no graph for a GPU through cuda; it holds int8"):
        choose_graph(graphs_of("int8"), "cuda", vnni=True)


@pytest.mark.parametrize(
    ("cpuinfo", "machine", "expected"),
    [
        ("flags : avx2 avx512_vnni", "x86_64", True),
        ("flags : avx2 avx_vnni", "x86_64", True),
        ("flags : avx2", "x86_64", False),
        ("", "aarch64", True),
        ("", "arm64", True),
    ],
)
def test_vnni_is_read_from_the_cpu(cpuinfo, machine, expected):
    assert has_vnni(cpuinfo, machine) is expected


def test_a_provider_that_is_not_there_is_no_silent_fallback():
    with pytest.raises(CannotStart, match="cuda: this onnxruntime holds no CUDAExecutionProvider"):
        load(TINY, ("cuda",))


def test_the_next_provider_is_taken_only_if_asked_for():
    loaded = load(TINY, ("tensorrt", "cpu"), threads=1)

    assert loaded.provider == "cpu"
    assert "tensorrt: this onnxruntime holds no" in loaded.reason


def test_a_fallback_of_onnxruntime_is_noticed(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])

    with pytest.raises(CannotStart, match="cuda: "):
        load(TINY, ("cuda",))


class Fallen:
    """A session that says that it runs on the CPU, whatever was asked for."""

    def __init__(self, path, options, providers):
        self.asked = providers

    def disable_fallback(self):
        return None

    def get_providers(self):
        return ["CPUExecutionProvider"]


def test_a_silent_fallback_is_a_refusal(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Fallen)

    with pytest.raises(CannotStart, match="cuda: onnxruntime fell back to CPUExecutionProvider"):
        load(TINY, ("cuda",), {"cuda": {"device_id": "0"}})


def test_a_machine_that_does_not_tell_has_no_vnni(monkeypatch):
    monkeypatch.setattr(providers, "Path", lambda _: TINY / "missing")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")

    assert not providers.this_cpu_has_vnni()


def test_cores_are_counted_without_affinity(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity")

    assert session._cores() >= 1
