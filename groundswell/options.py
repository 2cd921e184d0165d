"""
What the commands share: the options that many have, the settings, and the way a program is run.

Rule: values in, values out; nothing here knows a program.
"""

import asyncio
import os
import tomllib
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from groundswell.errors import SettingsError
from groundswell.settings import Settings, load

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="TOML file of settings; GROUNDSWELL_… variables win."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def settings_of(config: Path | None) -> Settings:
    """Return the settings of the environment and of a file. Raises ``SettingsError``."""
    if config is None:
        return load(os.environ, {})
    try:
        return load(os.environ, tomllib.loads(config.read_text(encoding="utf-8")), str(config))
    except OSError as error:
        raise SettingsError(f"{config}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{config}: not TOML ({error})") from error


def run_to_end(program: Coroutine[Any, Any, int | None]) -> None:
    """Run a program; end with its exit code, if that is not 0."""
    code = asyncio.run(program)
    if code:
        raise typer.Exit(code)
