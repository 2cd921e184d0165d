"""A tiny model that finds names by their capitals, its rows, and the bundle made of it."""

import random

import torch
from rich.console import Console
from safetensors.torch import load_file

from export.make import make_bundle
from groundswell.models.bundle import EncoderSource
from groundswell.shape import SHAPES
from groundswell.tasks import parse_function
from training.checkpoint import Checkpoint, write_checkpoint
from training.encode import load_tokenizer, pad, tokenise
from training.encoder import locate
from training.model import build, load_encoder

TOKENS = 32
ENTITIES = b"""{name: entities, version: 1, description: x, field: entities, output: tokens,
  primary: entity_f1, labels: [{name: ORG, description: x}]}"""
TONE = b"""{name: sentiment, version: 1, description: x, field: sentiment,
  labels: [{name: negative, description: x}, {name: positive, description: x}]}"""
WORDS = ("company", "said", "today", "shares", "the", "of", "in", "north", "south", "group")
TONES = (("loss", "fell", "fraud", "cut"), ("profit", "rose", "gain", "record"))


def rows(count, seed=0):
    """Texts with one name, as in "North" or "North GROUP", and the tags of their words."""
    draw = random.Random(seed)
    result = []
    for _ in range(count):
        tone = draw.randrange(2)
        words = [draw.choice(WORDS) for _ in range(draw.randint(4, 10))]
        words.insert(draw.randrange(len(words)), draw.choice(TONES[tone]))
        tags = [0] * len(words)
        at, length = draw.randrange(len(words)), draw.randint(1, 2)
        words[at:at] = [draw.choice(WORDS).title(), draw.choice(WORDS).upper()][:length]
        tags[at:at] = [1, 2][:length]
        result.append((" ".join(words), tone, tags))
    return result


def tagger_functions():
    return parse_function(ENTITIES, "entities"), parse_function(TONE, "sentiment")


def tagger(encoder_dir, functions, folder):
    """A model fitted by a few plain steps: names are what is capitalised, which only shapes can tell."""
    torch.manual_seed(1)
    encoder = locate(str(encoder_dir))
    model = build(
        encoder.config,
        {f.name: len(f.outputs) for f in functions},
        token_heads=["entities"],
        token_types=SHAPES,
        dropout=0.0,
    )
    load_encoder(model, load_file(encoder_dir / "model.safetensors"))
    data = rows(320)
    tokenizer = load_tokenizer(encoder_dir / "tokenizer.json", TOKENS)
    tokens = tokenise(tokenizer, [text for text, _, _ in data], "shape")
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3)
    draw = random.Random(2)
    for _ in range(150):
        places = draw.sample(range(len(data)), 32)
        tags = torch.full((32, max(len(tokens[p].ids) for p in places)), -1)
        for line, place in enumerate(places):
            for word, tag in zip(tokens[place].words, data[place][2], strict=True):
                tags[line, word.place] = tag
        outputs = model(**pad([tokens[p] for p in places]))
        loss = torch.nn.functional.cross_entropy(
            outputs["entities"].flatten(0, 1), tags.flatten(), ignore_index=-1
        ) + torch.nn.functional.cross_entropy(
            outputs["sentiment"], torch.tensor([data[p][1] for p in places])
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    out = folder / "checkpoint"
    write_checkpoint(
        out,
        Checkpoint(
            functions=functions,
            max_tokens=TOKENS,
            max_chars=200,
            token_types="shape",  # noqa: S106
            template="{text}",
            languages=("en",),
            encoder=EncoderSource(name="tiny", sha256="0" * 64, licence="Apache-2.0"),
            encoder_config=encoder.config,
            strategy="full",
            data={"rows.jsonl": "1" * 64},
            licences={"rows.jsonl": "CC0-1.0", "others": "MIT"},
            temperatures={"sentiment": 2.0},
            metrics={},
            command="groundswell train",
        ),
        model,
        encoder_dir / "tokenizer.json",
        [text for text, _, _ in rows(300, seed=5)],
        lambda _folder: None,
    )
    return out


def made(checkpoint, out, precisions=("fp32", "fp16", "int8", "int8-reduced")):
    return make_bundle(
        checkpoint,
        out,
        name="named",
        precisions=precisions,
        created_at="2026-01-02T03:04:05Z",
        console=Console(quiet=True),
    )
