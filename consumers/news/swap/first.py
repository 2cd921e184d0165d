"""
The bundle that a start begins with: the registry's champion, else the last good one, else `bundle`.

Rules: a start does not need the registry to answer; a champion with which the process died twice before
it had served for a while is passed over, so that no bad bundle keeps a consumer from coming up.
"""

from typing import Final, NamedTuple

from consumers.news.core.swap import ATTEMPTS, Target
from consumers.news.swap.bundles import Bundles, key_of
from consumers.news.swap.loading import Ready, open_voice
from consumers.news.swap.readying import target_of
from groundswell.errors import BundleError, GroundswellError
from groundswell.models.registry import CHAMPION, Move
from groundswell.settings import Settings

NOT_YET: Final = "the registry has no champion yet"


class First(NamedTuple):
    """
    What speaks first; ``why`` says why it is not the champion ("" if it is).

    ``move`` is the champion's, if that speaks; ``passed_over`` is the champion that killed earlier starts.
    """

    ready: Ready
    why: str = ""
    move: Move | None = None
    passed_over: Target | None = None


def first(settings: Settings, bundles: Bundles | None) -> First:
    """Load the first voice; blocks. Raises ``BundleError`` that says of each candidate why not."""
    if bundles is None:
        return First(open_voice(settings, settings.bundle))
    faults: list[str] = []
    passed_over = None
    try:
        move = bundles.moved_now(CHAMPION)
        if move is None or move.version is None:
            faults.append(NOT_YET)
        elif bundles.begin(move.version) > ATTEMPTS:
            passed_over = target_of(move)
            faults.append(
                f"{move.version} is passed over: {ATTEMPTS} starts with it ended before it had served"
            )
        else:
            directory = bundles.fetch(move.version)
            ready = open_voice(settings, directory, key_of(move.version))
            return First(ready, move=move)
    except (GroundswellError, OSError) as error:
        faults.append(str(error))
    try:
        if (good := bundles.last_good()) is not None:
            directory, version = good
            ready = open_voice(settings, directory, key_of(version))
            return First(ready, "; ".join(faults), passed_over=passed_over)
    except GroundswellError as error:
        faults.append(str(error))
    try:
        return First(
            open_voice(settings, settings.bundle), "; ".join(faults), passed_over=passed_over
        )
    except GroundswellError as error:
        raise BundleError("; ".join([*faults, str(error)])) from error
