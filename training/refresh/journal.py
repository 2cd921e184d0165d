"""
The journal of a refresh: which steps are done, and what came of each.

A line a step, appended and forced to the disk once the step's files stand; a last line that was cut off by
a kill does not count, and its step is done again. Beside the runs stands ``state.json``, what is known
between two of them.
"""

import os
from pathlib import Path
from typing import Any, Final

import msgspec

from groundswell.errors import CannotContinue
from training.refresh.core.reasons import Kind

NAME: Final = "journal.jsonl"
BEGUN: Final = "begun"
ENDED: Final = "ended"
STATE: Final = "state.json"
_KEPT: Final = 3
"""Folders of runs that stay, besides the one whose checkpoint is in use."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was begun with; a run is gone on with only if all of it still holds."""

    number: int
    kind: Kind
    champion: str
    """``name@version`` of the registry's champion; "" for none."""
    checkpoint: str
    """Directory of the champion's weights; "" where they are not at hand."""
    created_at: str
    asked: str
    """Hash of the options."""
    labels: int
    reasons: tuple[str, ...]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """
    What stays between runs.

    ``used`` is how many settled labels the last run had; ``warm`` counts the promoted runs in a row that
    began with a champion; ``checkpoint`` holds the champion's weights. Times are ms since 1970.
    """

    runs: int = 0
    refreshed: int | None = None
    used: int = 0
    warm: int = 0
    champion: str = ""
    checkpoint: str = ""
    outcome: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A step that is done: its name, when, and what came of it."""

    step: str
    at: str
    result: dict[str, Any] = {}


class Journal:
    """The journal in the folder of a run."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._lines = _read(self._path)

    def result(self, step: str) -> dict[str, Any] | None:
        """Return what came of a step, None if it is not done."""
        for line in self._lines:
            if line.step == step:
                return line.result
        return None

    @property
    def begun(self) -> Begun | None:
        """Return what the run was begun with; None for a folder without a whole first line."""
        held = self.result(BEGUN)
        try:
            return None if held is None else msgspec.convert(held, Begun)
        except msgspec.ValidationError:
            return None

    @property
    def ended(self) -> str:
        """Return how the run ended, "" while it has not."""
        held = self.result(ENDED)
        return "" if held is None else str(held.get("outcome", "ended"))

    def add(self, step: str, at: str, result: dict[str, Any]) -> None:
        """Write down that a step is done; on return it stands on the disk."""
        line = Line(step=step, at=at, result=result)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            whole = b"".join(msgspec.json.encode(each) + b"\n" for each in (*self._lines, line))
            replace(self._path, whole)
        except OSError as error:
            raise CannotContinue(
                f"{self._path}: cannot be written ({error.strerror}); make room, and start again"
            ) from error
        self._lines.append(line)


def _read(path: Path) -> list[Line]:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    found = []
    for row in raw.splitlines():
        try:
            found.append(msgspec.json.decode(row, type=Line))
        except msgspec.DecodeError:
            break
    return found


def replace(path: Path, data: bytes) -> None:
    """Put a file in place whole: written aside, forced to the disk, renamed."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(path)


def read_state(folder: Path) -> State:
    """Return what is known in a folder; of an empty one nothing. Raises ``CannotContinue``."""
    path = folder / STATE
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return State()
    except (OSError, msgspec.DecodeError) as error:
        raise CannotContinue(
            f"{path}: cannot be read ({error}); put it back from a copy, or remove it to begin anew"
        ) from error


def write_state(folder: Path, state: State) -> None:
    """Keep the state."""
    replace(folder / STATE, msgspec.json.format(msgspec.json.encode(state), indent=1) + b"\n")


def run_folder(folder: Path, number: int) -> Path:
    """Return where a run stands."""
    return folder / "runs" / f"{number:04d}"


def last_run(folder: Path) -> int:
    """Return the number of the last run, 0 for none."""
    found = (path.name for path in (folder / "runs").glob("[0-9][0-9][0-9][0-9]"))
    return max(map(int, found), default=0)


def old_runs(folder: Path, state: State) -> list[Path]:
    """Return the folders of runs that are no longer of use."""
    numbers = range(1, last_run(folder) - _KEPT + 1)
    used = Path(state.checkpoint).parent.name if state.checkpoint else ""
    found = [run_folder(folder, number) for number in numbers]
    return [path for path in found if path.exists() and path.name != used]
