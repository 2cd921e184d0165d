"""Fixtures of the desk of alerts: three alerts in a file, and the command line over a copy of it."""

import shutil

import pytest

from tests.desk_world import BANKS, M0, RATES, Desk, Written


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """A database with three alerts, and their ids."""
    file = tmp_path_factory.mktemp("desk") / "r.db"
    made = Written(f"sqlite:///{file}")
    made.fire(RATES, M0 + 60)
    made.fire(BANKS, M0 + 70, severity="critical", inhibited_by="0123-1")
    made.end(made.ids[0], RATES, M0 + 200)
    made.fire("entity:acme", M0 + 300, "event", about="fraud", peak=0.0, evidence=b'{"tier": "a"}')
    made.close()
    return file, made.ids


@pytest.fixture
def desk(written, tmp_path, capsys, monkeypatch):
    file, ids = written
    shutil.copy(file, tmp_path / "r.db")
    made = Desk(f"sqlite:///{tmp_path}/r.db", M0 + 300, list(ids), None, capsys, monkeypatch)
    yield made
    made.close()
