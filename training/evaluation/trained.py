"""A checkpoint, asked in torch as the trainer left it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch

from groundswell.errors import InputError
from groundswell.tasks import Function
from training.checkpoint import CONFIG, TOKENIZER, WEIGHTS, load_model, read_checkpoint
from training.encode import Tokens, load_tokenizer, pad, tokenise
from training.evaluation.predictors import About, Answers, Asked, Read, collect, explained_of
from training.hardware import Hardware, autocast


class CheckpointPredictor:
    """A checkpoint; see ``Predictor``."""

    def __init__(
        self,
        directory: Path,
        functions: Sequence[Function],
        *,
        precision: str,
        threads: int,
        device: str,
    ) -> None:
        if precision not in {"", "fp32", "bf16"}:
            raise InputError(f"--precision {precision}: a checkpoint is asked in fp32 or bf16")
        checkpoint = read_checkpoint(directory)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.set_num_threads(threads)
        self._hardware = Hardware(device, threads, precision or "fp32")
        self._model = load_model(directory, checkpoint, attention="sdpa")
        torch.nn.Module.to(self._model, device)
        self._tokenizer = load_tokenizer(
            directory / TOKENIZER, checkpoint.max_tokens, checkpoint.truncation
        )
        self._types = checkpoint.token_types
        named = {function.name: function for function in functions}
        self.heads: Mapping[str, Asked] = {
            own.name: Asked(
                named[own.name]
                if own.name in named and named[own.name].outputs == own.outputs
                else own,
                checkpoint.temperatures.get(own.name, 1.0),
            )
            for own in checkpoint.functions
        }
        self.max_chars = checkpoint.max_chars
        self.explains = explained_of(self.heads)
        self.about = About(
            name=directory.name,
            kind="checkpoint",
            precision=self._hardware.precision,
            threads=threads,
            files={
                name: (directory / name).stat().st_size for name in (WEIGHTS, TOKENIZER, CONFIG)
            },
            data=checkpoint.data,
            command=checkpoint.command,
        )

    def answer(self, texts: Sequence[str], *, explain: bool = False) -> Answers:
        """See ``Predictor``."""
        rows = tokenise(self._tokenizer, [text[: self.max_chars] for text in texts], self._types)

        def run(places: list[int], names: list[str]) -> list[npt.NDArray[Any]]:
            inputs = pad([rows[place] for place in places])
            with torch.inference_mode(), autocast(self._hardware):
                said = self._model(**{n: v.to(self._hardware.device) for n, v in inputs.items()})
            return [said[name].float().cpu().numpy() for name in names]

        return collect(
            self.heads, [_read(row) for row in rows], run, self.explains if explain else ""
        )


def _read(row: Tokens) -> Read:
    return Read(
        len(row.ids),
        [word.place for word in row.words],
        tuple((word.start, word.end) for word in row.words),
    )
