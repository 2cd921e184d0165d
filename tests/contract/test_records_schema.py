"""The schema of the records: made, checked, refused; and what its errors mean."""

import asyncio

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from consumers.records.alerts import Alert, Minute
from consumers.records.database import open_records
from consumers.records.engine import engine_of, writing
from consumers.records.schema import _config, upgrade
from consumers.records.tables import metadata
from groundswell import cli
from groundswell.errors import Bug, CannotContinue, CannotStart, SettingsError, Transient
from tests.records_world import ID, fired, new_database

HEAD = ScriptDirectory.from_config(_config()).get_current_head()


@pytest.fixture
def engine(database):
    made = engine_of(database.url())
    yield made
    made.dispose()


def run(monkeypatch, url, *arguments):
    monkeypatch.setenv("GROUNDSWELL_RECORDS_URL", url)
    monkeypatch.setattr("sys.argv", ["groundswell", "records", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code


def test_the_migrations_make_the_tables_that_are_used(engine):
    upgrade(engine)

    with writing(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_user_makes_and_checks_the_schema(database, monkeypatch, capsys):
    assert run(monkeypatch, database.url(), "check") == 1
    assert "is empty: run `groundswell records upgrade`" in capsys.readouterr().out
    assert run(monkeypatch, database.url(), "upgrade") == 0
    assert f"went from empty to {HEAD}" in capsys.readouterr().out
    assert run(monkeypatch, database.url(), "upgrade") == 0
    assert f"has schema {HEAD}, as this release needs" in capsys.readouterr().out
    assert run(monkeypatch, database.url(), "check") == 0


async def test_a_newer_schema_is_refused(database, engine, monkeypatch, capsys):
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0999'"))

    with pytest.raises(
        CannotStart, match=rf"schema 0999, which this release \({HEAD}\) does not know"
    ):
        await open_records(database.url())
    assert run(monkeypatch, database.url(), "upgrade") == 2
    assert "newer release" in capsys.readouterr().err
    assert run(monkeypatch, database.url(), "check") == 1


async def test_an_older_schema_is_refused_and_upgraded(database, engine, monkeypatch, capsys):
    with writing(engine) as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(sa.text("UPDATE lease SET minute = 7"))

    with pytest.raises(
        CannotStart, match=f"0001, older than {HEAD}: stop all programs, back it up"
    ):
        await open_records(database.url())
    assert await asyncio.to_thread(run, monkeypatch, database.url(), "upgrade") == 0
    assert f"went from 0001 to {HEAD}" in capsys.readouterr().out
    records = await open_records(database.url())
    assert (await records.load()).minute == 7
    await records.close()


async def test_alerts_of_an_older_schema_are_read_and_acted_on(database, engine):
    with writing(engine) as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        row = {
            "id": ID,
            "kind": "surge",
            "series": "topic:a",
            "onset": 7,
            "about": "tone",
            "severity": "warning",
            "peak": 9.5,
            "reopened": 0,
            "inhibited_by": "",
            "evidence": '{"effect": {"ratio": 4.0}}',
            "state": "firing",
            "opened": 8,
            "changed": 8,
            "sequence": 1,
            "closed": False,
        }
        before = sa.table("alerts", *map(sa.column, row))
        connection.execute(sa.insert(before).values(row))
    await asyncio.to_thread(upgrade, engine)
    records = await open_records(database.url())
    alert = await records.alert(ID)
    assert alert is not None
    assert (alert.ratio, alert.assigned, alert.commented, alert.snoozed) == (0.0, None, None, None)
    snoozed = await records.act(ID, "snooze", "ann", "")
    assert isinstance(snoozed, Alert)
    assert snoozed.snoozed is not None
    assert snoozed.snoozed.ratio == 4.0
    await records.close()


async def test_sqlite_is_made_on_first_use_also_by_many_at_once(tmp_path):
    url = f"sqlite:///{tmp_path}/new.db"
    opened = await asyncio.gather(*(open_records(url) for _ in range(4)))
    for records in opened:
        assert (await records.load()).minute is None
        await records.close()


async def test_an_empty_postgresql_waits_for_its_operator(postgres_url):
    with pytest.raises(CannotStart, match="is empty: run"):
        await open_records(new_database(postgres_url, "empty"))


@pytest.mark.parametrize("table", ["history", "verdicts"])
@pytest.mark.parametrize("change", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}"])
async def test_the_database_itself_keeps_what_was_written(database, table, change):
    async with database.open() as records:
        lease = await records.acquire("one", 1000)
        await records.commit_minute(lease, fired())
        await records.judge(ID, "hit", "it lasted", "ann")
        engine = records._engine
        with pytest.raises(sa.exc.DBAPIError, match="only ever added to"), engine.begin() as bare:
            bare.execute(sa.text(change.format(table)))
        assert len(await records.history(ID)) == len(await records.verdicts(ID)) == 1


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "not an address"),
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        ("mysql://u:secret@h/d", "mysql is not supported"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url, says):
    with pytest.raises(SettingsError, match=says) as refusal:
        engine_of(url)
    assert "secret" not in str(refusal.value)


async def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CannotStart, match="no/such does not exist; create it"):
        await open_records(f"sqlite:///{tmp_path}/no/such/a.db")


async def test_a_server_that_is_away_is_waited_for():
    pytest.importorskip("psycopg", reason="needs PostgreSQL's driver: the extra `postgres`")
    with pytest.raises(Transient, match="is away") as error:
        await open_records("postgresql://u:secret@127.0.0.1:1/d")
    assert "secret" not in str(error.value)


async def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    (tmp_path / "a.db").write_text("a letter to my mother, " * 100)
    with pytest.raises(CannotContinue, match="not a database"):
        await open_records(f"sqlite:///{tmp_path}/a.db")


async def test_a_table_that_is_gone_stops_the_program(database):
    async with database.open() as records:
        with writing(records._engine) as connection:
            connection.execute(sa.text("DROP TABLE states"))
        with pytest.raises(CannotContinue, match="records check"):
            await records.load()


async def test_what_the_tables_forbid_is_a_bug(database):
    async with database.open() as records:
        lease = await records.acquire("one", 1000)
        await records.commit_minute(lease, fired())
        with pytest.raises(Bug, match="refuses"), writing(records._engine) as connection:
            connection.execute(sa.text("DELETE FROM alerts"))


async def test_the_lease_expires_by_the_databases_clock(database):
    async with database.open() as records:
        records._wall = type(records)(records._engine)._wall
        one = await records.acquire("one", 1)
        await asyncio.sleep(0.02)
        two = await records.acquire("two", 60_000)
        assert (two.holder, two.epoch) == ("two", one.epoch + 1)
        assert await records.commit_minute(two, Minute(1, None)) == ((),)
