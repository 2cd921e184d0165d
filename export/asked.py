"""From what was asked on the command line to what the gates hold a bundle against."""

from dataclasses import dataclass, replace
from pathlib import Path

from export.gates.core.limits import Limits
from export.gates.judge import Plan
from groundswell.errors import InputError
from groundswell.models.bundle import MANIFEST
from groundswell.models.registry import CHALLENGER, CHAMPION, Registry
from groundswell.models_commands import opened
from groundswell.settings import Settings
from training import checkpoint as store
from training.data.cards import ALLOWED
from training.evaluation.material import recorded_files
from training.evaluation.predictors import About


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of ``groundswell export`` that concern the gates."""

    checkpoint: Path
    gold: tuple[str, ...] = ()
    champion: str | None = None
    live: tuple[str, ...] = ()
    train_data: tuple[str, ...] = ()
    cards: tuple[Path, ...] = ()
    functions: tuple[Path, ...] = ()
    licences: frozenset[str] = frozenset()
    milliseconds: float | None = None


def registry_of(settings: Settings, url: str | None) -> Registry | None:
    """Return the registry that was named or is set; None without one."""
    return opened(settings, url) if url or settings.registry_url else None


def plan_of(asked: Asked, registry: Registry | None, scratch: Path) -> Plan:
    """Return the plan; a champion of the registry is fetched into ``scratch``. Raises ``InputError``."""
    limits = Limits(licences=frozenset(ALLOWED) | asked.licences, milliseconds=asked.milliseconds)
    plan = Plan(
        gold=asked.gold,
        cards=asked.cards,
        live=asked.live,
        train_data=asked.train_data or (_recorded(asked.checkpoint) if asked.gold else ()),
        functions=asked.functions,
        registry=registry,
        limits=limits,
    )
    if asked.champion is not None and (Path(asked.champion) / MANIFEST).is_file():
        return replace(plan, champion=Path(asked.champion))
    if registry is None:
        if asked.champion is not None:
            raise InputError(
                f"--champion {asked.champion}: is no bundle's directory, and no registry is set"
            )
        return plan
    version = registry.alias(CHAMPION) if asked.champion is None else registry.find(asked.champion)
    if version is None:
        return replace(plan, no_champion="the registry has no champion yet")
    return replace(plan, champion=registry.fetch(version, scratch))


def _recorded(checkpoint: Path) -> tuple[str, ...]:
    """Return the training files that the checkpoint names and that are still as they were."""
    made_of = store.read_checkpoint(checkpoint)
    about = About(
        name="",
        kind="",
        precision="",
        threads=1,
        files={},
        data=made_of.data,
        command=made_of.command,
    )
    return tuple(recorded_files(about))


def publish_bundle(registry: Registry, directory: Path, *, blessed: bool) -> str:
    """Store a bundle, as challenger if it was blessed; return what was done."""
    version = registry.publish(directory)
    if not blessed:
        return f"{version}: published, and named by no alias"
    registry.promote(version, registry.alias(CHALLENGER), CHALLENGER, reason="export")
    return f"{version}: published as {CHALLENGER}"
