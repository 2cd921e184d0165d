"""A random encoder of a few kilobytes and a little labelled data, so that training takes seconds."""

import json
from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]

TONES = {
    "positive": ("profit", "rose", "gain", "record"),
    "negative": ("loss", "fell", "fraud", "cut"),
    "neutral": ("meeting", "named", "office", "held"),
}
TOPICS = {"earnings": ("quarter", "sales"), "people": ("chief", "board")}
NOISE = tuple(a + b for a in "bdfgklmnpr" for b in ("ab", "ek", "im", "ol", "ut", "ys"))
FILL = ("company", "said", "today", "shares", "the", "of", "in", "north", "south", "group")


@pytest.fixture(scope="session")
def encoder_dir(tmp_path_factory):
    """A BERT of 2 layers, 32 wide, with random weights and a WordPiece vocabulary of these words."""
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    directory = tmp_path_factory.mktemp("encoder")
    words = [*(w for ws in (*TONES.values(), *TOPICS.values()) for w in ws), *FILL]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *NOISE]
    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(directory / "tokenizer.json"))
    config = {
        "model_type": "bert",
        "vocab_size": len(vocabulary),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
    }
    (directory / "config.json").write_text(json.dumps(config), encoding="utf-8")
    torch.manual_seed(0)
    model = BertModel(BertConfig(**config), add_pooling_layer=False)
    weights = {
        name: value * 3 if value.ndim > 1 else value for name, value in model.state_dict().items()
    }
    save_file(weights, directory / "model.safetensors")
    return directory


def make_rows(count, *, seed=0, topics=True):
    """Rows whose tone and topic hang on single words; a third of them lack the topic."""
    import random

    draw = random.Random(seed)
    rows = []
    for place in range(count):
        tone, topic = draw.choice(sorted(TONES)), draw.choice(sorted(TOPICS))
        words = [draw.choice(TONES[tone]), draw.choice(TOPICS[topic])]
        words += [*draw.sample(FILL, 3), *draw.sample(NOISE, 5)]
        draw.shuffle(words)
        row = {"text": " ".join(words), "sentiment": tone}
        if topics and place % 3:
            row["topic"] = topic
        rows.append(row)
    return rows


def put(path, rows):
    """Write rows as JSON lines, with a card beside them that lets anyone train on them."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    card = path.with_name(f"{path.name}.card.yaml")
    card.write_text(f"name: {path.stem}\nlicence: own\n", encoding="utf-8")
    return path


@pytest.fixture
def write(tmp_path):
    """Write rows as JSON lines into a file of this test's folder."""
    return lambda name, rows: put(tmp_path / name, rows)


@pytest.fixture
def small_disk():
    """Make a disk full for a while: no file may grow beyond so many bytes."""
    import resource
    from contextlib import contextmanager

    @contextmanager
    def small_disk(size):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return small_disk


@pytest.fixture(scope="session")
def rows_of():
    """Give the tests the maker of rows."""
    return make_rows


@pytest.fixture(scope="session")
def plan_of(encoder_dir):
    """Make a plan on the tiny encoder, on one thread: ``plan_of(file, …, strategy=…)``."""
    from training.material import Sources
    from training.train import Plan

    def plan_of(*data, functions=("sentiment", "topic=derive"), **changes):
        settled = {
            "strategy": "full",
            "encoder": str(encoder_dir),
            "threads": 1,
            "precision": "fp32",
            "device": "cpu",
            "command": "groundswell train",
        }
        sources = Sources(data=tuple(map(str, data)), functions=functions)
        return Plan(sources=sources, **{**settled, **changes})

    return plan_of


@pytest.fixture(scope="session")
def trained(plan_of, tmp_path_factory):
    """A checkpoint of the whole run on 600 rows, with its report; read only."""
    from rich.console import Console

    from training.recipe import Recipe
    from training.train import run

    folder = tmp_path_factory.mktemp("trained")
    report = run(
        plan_of(put(folder / "rows.jsonl", make_rows(600))),
        Recipe(
            epochs=8,
            patience=50,
            learning_rate=3e-3,
            head_factor=2.0,
            max_tokens=32,
            freeze="none",
            batch=16,
        ),
        folder / "checkpoint",
        Console(quiet=True),
    )
    return folder / "checkpoint", report
