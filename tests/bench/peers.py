"""
The named peers, each in a process of its own: the bare onnxruntime session, and a transformers pipeline.

`python -m tests.bench.peers session|pipeline ...` prints one JSON object.
"""

import argparse
import json
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench import texts


def cpu_seconds() -> float:
    """User and system time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def session(
    pairs: list[tuple[str, str]], bundle: Path, batch: int | None, *, aside: bool = False
) -> dict[str, float]:
    """
    Time the session alone: texts are tokenised and cut into the same batches beforehand.

    ``batch`` None: sorted within the window, by the budget of the settings; else first come, first
    served, padded to the longest. ``aside``: a batch a thread, side by side, as the path does it.
    """
    from consumers.news.core.batching import Batcher
    from groundswell.models.session import load
    from groundswell.settings import Settings
    from groundswell.text import compose

    settings = Settings(bundle=bundle)
    model = load(bundle, settings.providers, settings.provider_options, workers=0 if aside else 1)
    composed = [compose(title, body, model.manifest.max_chars) for title, body in pairs]
    encoded = model.encode(composed)
    cut: list[list[int]] = []
    if batch is None:
        window: Batcher[int] = Batcher(
            settings.batch_tokens, settings.batch_items, 0.0, settings.window_items
        )
        for number, item in enumerate(encoded):
            window.add(number, len(item), 0.0)
            if not window.room():
                cut.append(window.take(0.0, flush=True))
        while len(window):
            cut.append(window.take(0.0, flush=True))
    else:
        cut = [list(range(n, min(n + batch, len(encoded)))) for n in range(0, len(encoded), batch)]
    batches = [[encoded[n] for n in numbers] for numbers in cut]
    model.run(batches[0])
    cpu, started = cpu_seconds(), time.perf_counter()
    with ThreadPoolExecutor(model.workers) as pool:
        list(pool.map(model.run, batches))
    seconds = time.perf_counter() - started
    real = sum(len(e) for e in encoded)
    padded = sum(max(len(e) for e in items) * len(items) for items in batches)
    return {
        "items_per_s": len(pairs) / seconds,
        "cpu_ms_per_item": (cpu_seconds() - cpu) * 1000 / len(pairs),
        "padding": 1 - real / padded,
        "tokens_per_item": real / len(pairs),
    }


def pipeline(pairs: list[tuple[str, str]], bundle: Path, batch: int) -> dict[str, float]:
    """Time ``transformers.pipeline`` in torch, fp32, on an encoder of the same shape and size."""
    import torch
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        PreTrainedTokenizerFast,
        TextClassificationPipeline,
    )

    from groundswell.models.bundle import load_manifest
    from groundswell.text import compose
    from training.encoder import DEFAULT, locate

    manifest = load_manifest(bundle)
    composed = [compose(title, body, manifest.max_chars) for title, body in pairs]
    config = BertConfig(**{k: v for k, v in locate(DEFAULT).config.items() if k != "model_type"})
    config.num_labels = len(manifest.head("sentiment").labels)
    torch.manual_seed(0)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(bundle / manifest.tokenizer.path),
        pad_token="[PAD]",  # noqa: S106 - a token of text
        model_max_length=manifest.max_tokens,
    )
    classify = TextClassificationPipeline(
        model=BertForSequenceClassification(config).eval(), tokenizer=tokenizer, device="cpu"
    )
    options = {"batch_size": batch, "truncation": True, "top_k": None}
    classify(composed[:batch], **options)
    started = time.perf_counter()
    classify(composed, **options)
    return {"items_per_s": len(pairs) / (time.perf_counter() - started)}


def main() -> None:
    """Run one peer on one set of texts."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("peer", choices=["session", "pipeline"])
    arguments.add_argument("--bundle", type=Path, required=True)
    arguments.add_argument("--texts", choices=["even", "mixed"], required=True)
    arguments.add_argument("--count", type=int, required=True)
    arguments.add_argument("--batch", type=int)
    arguments.add_argument("--aside", action="store_true")
    arguments.add_argument("--sort", action="store_true")
    chosen = arguments.parse_args()
    pairs = (texts.even() if chosen.texts == "even" else texts.mixed(chosen.count))[: chosen.count]
    if chosen.sort:
        pairs.sort(key=lambda pair: len(pair[0]) + len(pair[1]))
    if chosen.peer == "session":
        print(json.dumps(session(pairs, chosen.bundle, chosen.batch, aside=chosen.aside)))
    else:
        print(json.dumps(pipeline(pairs, chosen.bundle, chosen.batch)))


if __name__ == "__main__":
    main()
