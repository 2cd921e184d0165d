"""
Every key in Redis, each with a sentence.

Rule: all keys of a shard carry one hash tag, ``{<prefix><shard>}``, so that one step stays in one slot
of a cluster. A source partition's counts live in shard ``partition mod shards``.
"""

from consumers.counts.core.levels import CellHash, Level, Shelf

_LETTERS: dict[Level, str] = {"minute": "m", "hour": "h", "day": "d"}


def shards(prefix: str) -> str:
    """Say in a string into how many shards the counts were divided when the first was written."""
    return f"{prefix}:shards"


def states(prefix: str, shard: int) -> str:
    """Keep in a hash: partition of ``opinions`` -> its ``PartitionState`` in msgpack."""
    return f"{{{prefix}{shard}}}:states"


def series(prefix: str, shard: int) -> str:
    """Keep in a sorted set: series -> the newest minute (since 1970) in which it counted."""
    return f"{{{prefix}{shard}}}:series"


def bundles(prefix: str, shard: int) -> str:
    """Keep in a hash: 4-byte hash of a bundle (decimal) -> its name."""
    return f"{{{prefix}{shard}}}:bundles"


def sources(prefix: str, shard: int) -> str:
    """Keep in a sorted set: name of a source -> the newest minute (since 1970) in which it counted."""
    return f"{{{prefix}{shard}}}:sources"


def ends(prefix: str, shard: int, level: Level) -> str:
    """Keep in a sorted set: key of a hash of cells -> the end of its window (minutes since 1970)."""
    return f"{{{prefix}{shard}}}:ends:{_LETTERS[level]}"


def cells(prefix: str, shard: int, name: CellHash) -> str:
    """
    Keep in a hash: the packed cells of a series in one window, by field.

    Minutes stand in a hash per series and hour (0..59), hours in one per day (0..23), days in one per
    year (1..366).
    """
    return f"{{{prefix}{shard}}}:{_LETTERS[name.level]}:{name.window}:{name.series}"


def shelf_ends(prefix: str, shard: int) -> str:
    """Keep in a sorted set: key of a shelf -> the end of its newest minute (minutes since 1970)."""
    return f"{{{prefix}{shard}}}:ends:s"


def spans(prefix: str, shard: int) -> str:
    """Keep in a hash: partition of ``opinions`` -> from and up to which position its lines are kept."""
    return f"{{{prefix}{shard}}}:spans"


def followed(prefix: str, shard: int) -> str:
    """Keep in a hash: series that is followed -> the words of a scheme in JSON, "" of an entity."""
    return f"{{{prefix}{shard}}}:followed"


def since(prefix: str, shard: int) -> str:
    """Keep in a hash: series that is followed -> where its counts begin, in msgpack; "" once whole."""
    return f"{{{prefix}{shard}}}:since"


def version(prefix: str, shard: int) -> str:
    """Keep in a string: the version of what is followed, a hash over all that was changed."""
    return f"{{{prefix}{shard}}}:version"


def strangers(prefix: str) -> tuple[str, str]:
    """Name what is known of entities that nobody follows: their lives (sorted), their story minutes."""
    return f"{{{prefix}0}}:strangers:life", f"{{{prefix}0}}:strangers:seen"


def lines(prefix: str, shard: int, shelf: Shelf) -> str:
    """Keep in a sorted set: entry of a story line -> its minute; ``n`` new stories, ``c`` copies."""
    return f"{{{prefix}{shard}}}:s:{'n' if shelf.new else 'c'}:{shelf.series}"


def pushed(prefix: str, item: str) -> str:
    """Keep in a string, for a day: the hash of an item that was pushed in; with ``~`` while under way."""
    return f"{prefix}:pushed:{item}"


def stories(prefix: str) -> tuple[str, str, str, str, str, str]:
    """
    Name what is known of stories; all of it in one slot, since an item may be like any other.

    ``answers``, a hash: an item's place in the source -> what was answered of it. ``asked``, a list:
    those places, oldest first. ``samples``, a hash: number -> when its story began, the story, its keys,
    its sketch. ``buckets``, a hash: key -> numbers of samples. ``told``, a hash: story -> the tones and
    series that it was told in. ``meta``, a hash: the newest and the oldest number.
    """
    tag = f"{{{prefix}stories}}:1"  # 1: the form of what stands there
    return (
        f"{tag}:answers",
        f"{tag}:asked",
        f"{tag}:samples",
        f"{tag}:buckets",
        f"{tag}:told",
        f"{tag}:meta",
    )


def shadows(prefix: str) -> str:
    """Keep in a hash: bundle that ran in shadow -> the bundle that it was compared with last."""
    return f"{{{prefix}shadow}}:pairs"


def shadow(prefix: str, old: str, new: str) -> str:
    """Keep in a hash: ``items``, ``old`` or ``new`` and a series -> a number, see ``Seen`` of `consume`."""
    return f"{{{prefix}shadow}}:seen:{old}:{new}"


def cell_hash(level: Level, key: str) -> CellHash:
    """Return what a key of cells names; inverse of ``cells``."""
    window, _, name = key.partition("}:")[2].split(":", 1)[1].partition(":")
    return CellHash(level, name, int(window))


def shelf(key: str) -> Shelf:
    """Return what a key of story lines names; inverse of ``lines``."""
    kind, _, series = key.partition("}:s:")[2].partition(":")
    return Shelf(series, kind == "n")
