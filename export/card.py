"""The model card: what the bundle is, what it was made of, what was measured, and what it is not for."""

from collections.abc import Mapping
from pathlib import Path

from groundswell.models.bundle import Manifest
from training.checkpoint import Checkpoint


def write_card(path: Path, manifest: Manifest, checkpoint: Checkpoint) -> None:
    """Write the card as Markdown."""
    encoder = manifest.encoder
    lines = [
        f"# {manifest.id}",
        "",
        (
            f"Labels financial texts ({', '.join(manifest.languages)}), at most {manifest.max_tokens} tokens each. "
            f"Made {manifest.created_at} with the strategy `{checkpoint.strategy}` by"
        ),
        "",
        f"    {checkpoint.command}",
        "",
        f"Encoder: {encoder.name}, licence {encoder.licence}, weights SHA-256 `{encoder.sha256}`.",
        "",
        "| head | kind | labels |",
        "|---|---|---|",
        *(f"| {head.name} | {head.kind} | {', '.join(head.labels)} |" for head in manifest.heads),
        "",
        "## Measured",
        "",
        (
            "Held-out rows of the training files; near-duplicates of a training row are never among them. "
            "`tfidf` is TF-IDF with logistic regression on the same split."
        ),
        "",
        *_table(manifest.metrics),
        "",
        f"ONNX against torch on {manifest.parity['texts']:.0f} texts, largest absolute difference: "
        + ", ".join(f"{k} {v:.1e}" for k, v in manifest.parity.items() if k != "texts")
        + ".",
        "",
        "Graphs against fp32 on the same texts:",
        "",
        *_table(manifest.quantisation),
        "",
        "| file | precision | verified | note |",
        "|---|---|---|---|",
        *(
            f"| {g.file.path} | {g.precision} | {'yes' if g.verified else 'no'} | {g.note} |"
            for g in manifest.graphs
        ),
        "",
        "## Gates",
        "",
        *_gates(manifest),
        "",
        "## Data",
        "",
        *_data(manifest.data, checkpoint.licences),
        "",
        "## Limits",
        "",
        (
            "The tone is that of the text, not of each company in it. Other languages than those above are read "
            "badly. Labels are no advice to buy or sell."
        ),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _gates(manifest: Manifest) -> list[str]:
    """One line a gate, and whether they blessed the bundle."""
    if not manifest.gates:
        return ["It never stood before the gates."]
    verdicts = {True: "passed", False: "refused", None: "not asked"}
    blessed = "Blessed." if manifest.blessing else "Not blessed: at least one gate refused it."
    return [
        blessed,
        "",
        *(f"- {gate.name}: {verdicts[gate.passed]}; {gate.reason}" for gate in manifest.gates),
    ]


def _data(digests: Mapping[str, str], licences: Mapping[str, str]) -> list[str]:
    """One line a file or set: its licence and its hash, of which either may not be known."""
    return [
        f"- {name}, licence {licences.get(name, 'not stated')}"
        + (f", SHA-256 `{digests[name]}`" if name in digests else "")
        for name in dict.fromkeys([*digests, *licences])
    ]


def _table(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """One line a row; columns are the union of the keys."""
    columns = list(dict.fromkeys(key for values in rows.values() for key in values))
    if not columns:
        return ["Nothing."]
    return [
        f"| | {' | '.join(columns)} |",
        "|---" * (len(columns) + 1) + "|",
        *(
            f"| {name} | "
            + " | ".join(f"{values[c]:g}" if c in values else "" for c in columns)
            + " |"
            for name, values in rows.items()
        ),
    ]
