"""The settings of models: the bundle, the registry, and how a new champion takes over."""

from pathlib import Path

from pydantic import BaseModel, Field


class ModelSettings(BaseModel):
    """Where a model comes from, and what a new one must bear; ``Settings`` has them with all others."""

    bundle_cache: Path = Field(
        Path(".groundswell/bundles"),
        description="Where `consume` keeps the bundles that it fetched from the registry.",
    )
    registry_poll_seconds: float = Field(
        10.0,
        ge=0.1,
        le=3600.0,
        description="How often `consume` looks at the registry for a new champion, in seconds.",
    )
    models_topic: str = Field(
        "models",
        description="Kafka topic that tells of moves in the registry at once; empty: only polls.",
    )
    swap_seconds: float = Field(
        120.0,
        gt=0.0,
        le=3600.0,
        description="How long fetching, loading and checking a new bundle may take, in seconds.",
    )
    swap_slower: float = Field(
        3.0,
        ge=1.0,
        le=1000.0,
        description="A new bundle is refused, or taken back, if it takes so many times the present one's time.",
    )
    swap_watch_seconds: float = Field(
        600.0,
        ge=0.0,
        le=86_400.0,
        description="How long a new champion is watched, and taken back if it is worse; 0: not at all.",
    )
    swap_watch_items: int = Field(
        300,
        ge=50,
        le=1_000_000,
        description="Items before and after without which a watched champion is not judged.",
    )
    swap_keep_previous: bool = Field(
        default=True,
        description="The bundle before stays loaded until the next one comes, so that a rollback is at once; "
        "false gives its memory back after the watch window.",
    )
    swap_mix: float = Field(
        0.25,
        gt=0.0,
        le=1.0,
        description="A watched champion is taken back if its tones differ by more than this share, beyond chance.",
    )
    shadow_share: float = Field(
        0.1,
        ge=0.0,
        le=1.0,
        description="Share of the items that a `challenger` labels beside the champion, unpublished; 0: none.",
    )
    shadow_items: int = Field(
        256,
        ge=1,
        le=65_536,
        description="Items that wait for the challenger at most; more are left out, counted.",
    )
