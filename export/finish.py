"""The end of an export: card and manifest are written, the gates are asked, and what they said is kept."""

from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from export.card import write_card
from export.gates.core.blessing import bless
from export.gates.core.measured import Cost
from export.gates.judge import Plan, judge
from groundswell import __version__
from groundswell.models.bundle import MANIFEST, Manifest, describe
from training.checkpoint import Checkpoint

CARD: Final = "card.md"
SAID: Final = {True: "passed", False: "refused", None: "not asked"}


def written(aside: Path, draft: Manifest, checkpoint: Checkpoint) -> Manifest:
    """Write card and manifest: the card says what the manifest says, and is then named in it."""
    write_card(aside / CARD, draft, checkpoint)
    manifest = msgspec.structs.replace(draft, card=describe(aside, aside / CARD))
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (aside / MANIFEST).write_bytes(encoded + b"\n")
    return manifest


def judged(
    aside: Path,
    manifest: Manifest,
    checkpoint: Checkpoint,
    plan: Plan,
    cost: Cost,
    console: Console,
) -> Manifest:
    """Ask the gates, and write down what they said; returns the manifest with it."""
    found = judge(aside, plan, manifest.created_at, cost)
    for verdict in found.verdicts:
        console.print(f"{verdict.name}: {SAID[verdict.passed]}; {verdict.reason}", markup=False)
    blessing = bless(
        found.verdicts,
        at=manifest.created_at,
        by=f"groundswell {__version__} export",
        champion=found.champion,
        gold=found.gold,
        look=found.look,
    )
    judged = msgspec.structs.replace(manifest, gates=found.verdicts, blessing=blessing)
    return written(aside, judged, checkpoint)
