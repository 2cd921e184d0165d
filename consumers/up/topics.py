"""`topics`: create the Kafka topics that are missing, and compare the others with the settings."""

from rich.console import Console

from consumers.adapters.kafka_admin import KafkaAdmin
from consumers.adapters.kafka_topics import all_wanted, ensure_topics
from groundswell.settings import Settings


async def run(settings: Settings, *, create: bool) -> int:
    """Say what is there; return 1 if something must be mended first. May raise ``Transient``."""
    admin = KafkaAdmin(settings)
    console = Console(highlight=False, soft_wrap=True)
    try:
        comparison = await ensure_topics(admin, settings, create=create)
        for wanted in all_wanted(settings):
            topic = await admin.topic(wanted.name)
            if topic is not None:
                identity = topic.topic_id or "none: a recreated topic cannot be told from this one"
                console.print(f"{topic.name}: {topic.partitions} partitions, identity {identity}")
    finally:
        await admin.stop()
    for note in comparison.notes:
        console.print(f"note: {note}", style="yellow")
    for difference in comparison.differences:
        console.print(f"to mend: {difference}", style="red")
    return 1 if comparison.differences else 0
