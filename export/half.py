"""
fp16 for the GPU: fused by onnxruntime's transformer optimiser, weights and arithmetic halved.

Inputs and outputs keep their types. The CPU can only check that the graph loads and answers alike; it is
marked as not run on a GPU.
"""

from pathlib import Path
from typing import Final

from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model

from training.model import OpinionModel

KEPT: Final = (
    "Softmax",
    "LayerNormalization",
    "SkipLayerNormalization",
    "ReduceSum",
    "ReduceL2",
    "Div",
)
"""Operators left in fp32: sums and exponentials, where 11 bits or a range of 65504 are too few."""


def to_fp16(fp32: Path, path: Path, model: OpinionModel) -> dict[str, int]:
    """Write the fused fp16 graph; returns how many operators of each kind were fused."""
    options = FusionOptions("bert")
    options.enable_embed_layer_norm = False
    optimised = optimize_model(
        str(fp32),
        model_type="bert",
        num_heads=model.config.num_attention_heads,
        hidden_size=model.config.hidden_size,
        optimization_options=options,
        opt_level=0,
    )
    optimised.convert_float_to_float16(keep_io_types=True, op_block_list=list(KEPT))
    optimised.save_model_to_file(str(path))
    return {
        kind: int(count)
        for kind, count in optimised.get_fused_operator_statistics().items()
        if count
    }
