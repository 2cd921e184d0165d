"""The composition root of `mcp`: the tools over the records and the counts, on stdin and stdout."""

from consumers.adapters.clock import SystemClock
from consumers.adapters.logs import set_up
from consumers.adapters.series_view import open_series
from consumers.records.database import open_records
from groundswell.errors import CannotStart
from groundswell.settings import Settings


async def run(settings: Settings) -> None:
    """
    Answer until stdin ends.

    Raises ``CannotStart`` without the extra `mcp`, or where there are no records.
    """
    try:
        from consumers.web.tools import Tools, server_of
    except ImportError:
        raise CannotStart("mcp: needs its SDK: pip install 'groundswell[mcp]'") from None
    set_up(settings.log_level, settings.log_format, "mcp")
    records = await open_records(settings.records_url.get_secret_value(), make=False)
    counts = open_series(settings)
    try:
        await server_of(Tools(records, counts, SystemClock())).run_stdio_async()
    finally:
        await counts.close()
        await records.close()
