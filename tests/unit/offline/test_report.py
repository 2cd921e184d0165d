"""The report: the command that repeats the run, and no table without a figure."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from groundswell.models.bundle import EncoderSource
from tests.train_world import recipe
from training.data.prepare import Wish
from training.material import gather
from training.report import again, as_markdown
from training.train import fingerprint, run

pytestmark = pytest.mark.train


@pytest.mark.parametrize(
    ("command", "split", "expected"),
    [
        ("gs train", True, "gs train --out 'a b' --snapshot 'a b/snapshot.json'"),
        ("gs train", False, "gs train --out 'a b'"),
        ("gs train --out=c", True, "gs train --out=c --snapshot 'a b/snapshot.json'"),
        ("gs train --out c --snapshot d", True, "gs train --out c --snapshot d"),
        ("gs train --data 'my --snapshot'", False, "gs train --data 'my --snapshot' --out 'a b'"),
    ],
)
def test_a_run_is_repeated_where_it_was(command, split, expected):
    assert again(command, Path("a b"), split=split) == expected


def test_a_run_without_rows_names_no_snapshot_and_shows_no_empty_table(plan_of, tmp_path):
    plan = plan_of(functions=("sentiment",), strategy="zero-shot")
    out = tmp_path / "out"

    report = run(plan, recipe(), out, Console(quiet=True))

    text = as_markdown(report)
    assert report.again == f"groundswell train --out {out}"
    assert not (out / "snapshot.json").exists()
    assert "|" not in text
    assert "Data:" not in text
    assert "No rows: the functions' own descriptions" in text
    assert report.temperatures == {}


def test_declared_metrics_are_shown_first(trained):
    _, report = trained
    function = next(f for f in report.functions if f.name == "sentiment")

    assert function.primary == "macro_f1"
    assert function.metrics[:2] == ("accuracy", "macro_f1")
    lines = as_markdown(report).splitlines()
    shown = [line.split(" | ")[3] for line in lines if line.startswith("| sentiment | test")]
    assert shown == ["macro_f1", "accuracy", "micro_f1"]


def test_under_a_snapshot_what_is_taken_for_true_tells_two_runs_apart(
    plan_of, write, rows_of, tmp_path
):
    rows = rows_of(120, topics=False)
    other = {"positive": "negative", "negative": "positive", "neutral": "positive"}
    copies = [{**row, "sentiment": other[row["sentiment"]]} for row in rows[:10]]
    data = str(write("rows.jsonl", [*rows, *copies]))
    plan = plan_of(data, functions=("sentiment",))
    gather(plan.sources).write(tmp_path)
    source = EncoderSource(name="tiny", sha256="0" * 64, licence="own")

    def told(*, drop):
        wish = Wish(drop_conflicts=drop)
        sources = replace(plan.sources, snapshot=tmp_path / "snapshot.json", wish=wish)
        return fingerprint(plan, recipe(), gather(sources), source, 1, "full")

    assert told(drop=False) == told(drop=False)
    assert told(drop=False) != told(drop=True)
