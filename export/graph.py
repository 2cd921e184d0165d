"""From the torch model to the fp32 ONNX graph, through optimum's exporter with outputs of our own."""

import logging
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Final

import onnx
from optimum.exporters.onnx import export as optimum_export
from optimum.exporters.onnx.model_configs import BertOnnxConfig

from export.answers import CONTRIBUTIONS
from training.model import OpinionModel

OPSET: Final = 17
_TRACED: Final = {"batch_size": 3, "sequence_length": 11}
"""Sizes of the traced example: above 1, since a size of 1 would be taken for a constant."""


class OpinionOnnxConfig(BertOnnxConfig):  # type: ignore[misc] # optimum is untyped
    """
    The three inputs of BERT, and one named output a head, the embedding and the contributions.

    A model without a sentence head has no contributions.
    """

    def __init__(self, model: OpinionModel) -> None:
        super().__init__(model.config, task="feature-extraction")
        self._names = outputs_of(model)
        self._of_tokens = {*model.token_heads, CONTRIBUTIONS}

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        """Each output's name with its dynamic axes, in the order of the model's own."""
        text, token = {0: "batch_size"}, {0: "batch_size", 1: "sequence_length"}
        return OrderedDict(
            (name, dict(token if name in self._of_tokens else text)) for name in self._names
        )


def outputs_of(model: OpinionModel) -> list[str]:
    """Return the names of the model's outputs in order."""
    return [*model.heads, "embedding", *([CONTRIBUTIONS] if model.explained else [])]


def to_onnx(model: OpinionModel, path: Path) -> None:
    """Write ``model`` to ``path`` as one fp32 ONNX file, and have onnx check it."""
    loggers = [logging.getLogger(name) for name in ("optimum", "torch.onnx", "transformers")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        # The tracer warns of every Python number it meets; the comparison with torch is the real check.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            optimum_export(
                model, OpinionOnnxConfig(model), path, opset=OPSET, input_shapes=dict(_TRACED)
            )
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
    onnx.checker.check_model(str(path))
