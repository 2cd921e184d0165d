"""A checkpoint with random weights and a head of each kind, and rows for it, to be evaluated."""

import json

from groundswell.models.bundle import EncoderSource, sha256_of
from groundswell.tasks import Direction, Function, Label


def labels(*names):
    return tuple(Label(name=name, description=name) for name in names)


TONE = Function(
    name="sentiment",
    version=1,
    description="tone",
    field="sentiment",
    labels=labels("negative", "neutral", "positive"),
    slices=("channel",),
    invariance=("company_names", "person_names", "add_url", "upper_case"),
    directions=tuple(
        Direction(name=f"from_{tone}", given=tone, replace={"company": "fraud", "group": "loss"})
        for tone in ("negative", "neutral", "positive")
    ),
)
NAMES = Function(
    name="names",
    version=1,
    description="names",
    field="entities",
    output="tokens",
    labels=labels("ORG", "PER"),
    primary="entity_f1",
)
THEMES = Function(
    name="themes",
    version=1,
    description="themes",
    field="themes",
    output="several",
    labels=labels("a", "b"),
)
FUNCTIONS = (NAMES, TONE, THEMES)


def make_data(folder, rows_of):
    """Write rows to judge by, and rows to have been trained on, into ``folder``; return it."""
    for name, seed in (("rows", 1), ("trained", 2)):
        rows = rows_of(80, seed=seed, topics=False)
        for place, row in enumerate(rows):
            first = row["text"].split()[0]
            row["entities"] = [{"text": first, "type": "ORG", "start": 0, "end": len(first)}]
            row["themes"] = ["a", "b"][: place % 3]
            row["agreement"] = 50 + 50 * (place % 2)
            row["channel"] = "post" if place % 4 else "news"
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def make_checkpoint(out, encoder_dir, data):
    """A checkpoint with random weights and a head of each kind."""
    import torch

    from groundswell.shape import SHAPES
    from training.checkpoint import Checkpoint, write_checkpoint
    from training.model import build

    config = json.loads((encoder_dir / "config.json").read_text("utf-8"))
    torch.manual_seed(4)
    model = build(
        config,
        {f.name: len(f.outputs) for f in FUNCTIONS},
        token_heads=["names"],
        token_types=SHAPES,
    )
    with torch.no_grad():
        for head in model.heads.values():
            dict(head.named_parameters())["weight"].mul_(40)
    made = Checkpoint(
        functions=FUNCTIONS,
        max_tokens=32,
        max_chars=400,
        token_types="shape",  # noqa: S106 - tokens of text
        languages=("en",),
        encoder=EncoderSource(name="tiny", sha256="0" * 64, licence="Apache-2.0"),
        encoder_config=config,
        data={"trained": sha256_of(data / "trained.jsonl")},
        metrics={},
        command=f"groundswell train --data {data / 'trained.jsonl'} --out {out}",
    )
    write_checkpoint(out, made, model, encoder_dir / "tokenizer.json", [], lambda _: None)
    return out
