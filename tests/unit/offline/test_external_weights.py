"""A graph may keep weights in a file beside it; one that names a file elsewhere is not loaded."""

import msgspec
import numpy as np
import pytest

from groundswell.errors import BundleError
from groundswell.models.bundle import describe
from groundswell.models.session import load
from tests.gates_world import make, put, read

pytestmark = pytest.mark.train


@pytest.mark.parametrize("location", ["../secret", "{folder}/secret"])
def test_weights_outside_the_bundle_are_not_read(tmp_path, location):
    import onnx

    (tmp_path / "secret").write_bytes(np.zeros(64, np.float32).tobytes())
    made = make(tmp_path / "bundle")
    graph = made / "model.onnx"
    model = onnx.load(str(graph))
    tensor = next(t for t in model.graph.initializer if t.name == "sentiment_bias")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location.format(folder=tmp_path)
    graph.write_bytes(model.SerializeToString())
    manifest = read(made)
    file = describe(made, graph)
    changed = msgspec.structs.replace(manifest.graphs[0], file=file)
    put(made, msgspec.structs.replace(manifest, graphs=(changed,)))

    with pytest.raises(BundleError, match="onnxruntime cannot load it"):
        load(made)
