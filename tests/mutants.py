"""Planted mistakes: a module with one piece of its source replaced, for laws that must notice."""

import inspect
import types
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st


def mutant(module: types.ModuleType, old: str, new: str) -> types.ModuleType:
    """Return a copy of ``module`` in which ``old``, which stands there once, is ``new``."""
    source = inspect.getsource(module)
    assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {module.__name__}"
    copy = types.ModuleType(module.__name__ + "_mutant")
    exec(compile(source.replace(old, new), "<mutant>", "exec"), copy.__dict__)  # noqa: S102 - our own source
    return copy


def holds(law: Callable[..., None], module: types.ModuleType, examples: int = 200) -> None:
    """Check ``law(module, data)`` on many inputs, the same ones in every run."""
    _check(law, module, settings(max_examples=examples, deadline=None, derandomize=True))


def notices(law: Callable[..., None], module: types.ModuleType) -> None:
    """Check that the law fails on a module with a planted mistake."""
    quick = settings(
        max_examples=400,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever a broken module does
        _check(law, module, quick)


def _check(law: Callable[..., None], module: types.ModuleType, how: Any) -> None:
    def check(data: Any) -> None:
        law(module, data)

    how(given(st.data())(check))()
