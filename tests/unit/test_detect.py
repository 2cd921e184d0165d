import json
import math
import random
import sys
from datetime import UTC, datetime, timedelta

import pytest

from consumers.watch.detect_cli import detect
from tests.watch_world import poisson

START = datetime(2026, 1, 5, tzinfo=UTC)


def item(at, sentiment="neutral", topics=("rates",), **fields):
    probabilities = dict.fromkeys(("negative", "neutral", "positive"), 0.05)
    probabilities[sentiment] = 0.9
    return {
        "published_at": at if isinstance(at, str) else at.isoformat().replace("+00:00", "Z"),
        "title": "Central bank holds rates",
        "source": "Wire",
        "sentiment": {"label": sentiment, "probabilities": probabilities},
        "topics": [{"label": topic, "probability": 0.9} for topic in topics],
        "bundle": "tiny@1",
        **fields,
    }


def news(days, surge=None, seed=1, per_hour=6.0, topics=("rates",)):
    """Items of ``days`` days; during ``surge`` (hours) six in ten more are negative, at Lindqvist."""
    rng = random.Random(seed)
    for hour in range(days * 24):
        hit = surge is not None and hour in surge
        for n in range(poisson(rng, per_hour)):
            at = START + timedelta(hours=hour, minutes=rng.randrange(60))
            negative = rng.random() < (0.8 if hit else 0.2)
            title = (
                f"Lindqvist Bank warns of losses, {hour}/{n}"
                if hit
                else f"Market report {hour}/{n}"
            )
            yield item(
                at,
                "negative" if negative else "neutral",
                topics,
                title=title,
                source=f"Wire {n % 3}",
                url=f"https://news.example/{hour}/{n}",
            )


@pytest.fixture
def run(tmp_path, capsys):
    def call(rows, **options):
        if isinstance(rows, str):
            file = tmp_path / "values.csv"
            file.write_text(rows)
        else:
            file = tmp_path / "items.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        detect(file=file, **options)
        said = capsys.readouterr()
        return [json.loads(line) for line in said.out.splitlines()], said.err

    return call


SURGE = range(12 * 24 + 8, 12 * 24 + 13)


def test_a_surge_in_a_topic_is_found_with_its_evidence(run):
    rows = [*news(14, SURGE), *news(14, None, seed=2, topics=("crypto",))]
    [alarm], said = run(rows, tick="5m")

    assert alarm["series"] == "topic:rates"
    assert alarm["kind"] == "tone"
    assert "2026-01-17T07:00:00Z" < alarm["onset"] < alarm["decided"] < "2026-01-17T12:00:00Z"
    assert alarm["ended"] > alarm["decided"]
    assert alarm["ratio_interval"][0] > 1.5
    assert alarm["share_interval"][0] > alarm["usual_share"]
    assert alarm["evidence"] >= alarm["threshold"] == pytest.approx(math.log(30 * 288), abs=1e-3)
    assert 3 <= len(alarm["top"]) <= 5
    assert all("Lindqvist" in story["title"] for story in alarm["top"])
    assert {"source", "url", "published_at", "probability"} <= set(alarm["top"][0])
    assert "1 alarms in 2 series over 14 days; budget 0.0667" in " ".join(said.split())


def test_the_order_of_the_rows_does_not_matter(run):
    rows = list(news(14, SURGE))
    again = rows[::-1]

    assert run(rows, tick="5m")[0] == run(again, tick="5m")[0] != []


def test_a_series_can_be_made_by_words(run):
    rows = list(news(14, SURGE))
    alarms, _ = run(rows, tick="5m", match=["lindqvist bank, LINDQVIST AG", "lindqvis"])

    assert [alarm["series"] for alarm in alarms] == ["match:lindqvist bank, LINDQVIST AG"]


def test_a_larger_budget_alarms_no_less_and_margins_hold_back(run):
    rows = list(news(14, SURGE))

    assert len(run(rows, tick="5m", budget=1e-9)[0]) <= len(run(rows, tick="5m", budget=2.0)[0])
    assert run(rows, tick="5m", delta_volume=2.0, delta_share=3.0)[0] == []


def test_one_source_alone_raises_nothing_unless_one_is_enough(run):
    rows = [{**row, "source": "Wire"} for row in news(14, SURGE)]
    nameless = [{k: v for k, v in row.items() if k != "source"} for row in rows]

    assert run(rows, tick="5m")[0] == []
    [alone] = run(rows, tick="5m", sources=1)[0]
    [unnamed] = run(nameless, tick="5m", sources=3)[0]
    assert (alone["series"], alone["decided"]) == ("topic:rates", unnamed["decided"])


def test_topics_and_all_stand_beside_each_other(run):
    alarms, said = run(list(news(14, SURGE)), tick="5m", by="both", budget=2 / 30)

    assert {alarm["series"] for alarm in alarms} == {"all", "topic:rates"}
    assert len({(alarm["decided"], alarm["ended"], alarm["observed"]) for alarm in alarms}) == 1
    assert "in 2 series" in " ".join(said.split())


def test_copies_of_a_story_count_once(run):
    surge = [item(START + timedelta(days=12, hours=8, seconds=n), "negative") for n in range(60)]
    one = [{**row, "story": "s1", "source": f"Wire {n}"} for n, row in enumerate(surge)]
    many = [{**row, "source": f"Wire {n}"} for n, row in enumerate(surge)]
    new_in = [{**row, "new_in": ["topic:rates"] if n == 0 else []} for n, row in enumerate(many)]

    assert run([*news(13), *one])[0] == run([*news(13), *new_in])[0] == []
    [alarm], _ = run([*news(13), *many])
    assert alarm["top"][0]["copies"] == 60


def test_late_items_raise_no_surge_where_they_arrive(run):
    rows = [
        item(
            START + timedelta(days=12, minutes=n),
            "negative" if n % 5 == 0 else "neutral",
            arrived_at=(START + timedelta(days=12, hours=8)).isoformat(),
            source=f"Wire {n % 4}",
        )
        for n in range(300)
    ]
    in_time = [{**row, "published_at": row["arrived_at"]} for row in rows]

    assert run([*news(13), *rows], tick="5m")[0] == []
    assert [a["kind"] for a in run([*news(13), *in_time], tick="5m")[0]] == ["attention"]


def test_days_without_a_time_make_a_tick_of_a_day(run):
    rng = random.Random(3)
    rows = [
        item(
            f"{(START + timedelta(days=day)).date()}",
            "negative" if n < k else "neutral",
            source=f"W{n}",
        )
        for day in range(120)
        for k in [poisson(rng, 20 if day in {90, 91, 92} else 4)]
        for n in range(k + 12)
    ]
    [alarm], said = run(rows, by="all")

    assert alarm["series"] == "all"
    assert alarm["onset"].endswith("T00:00:00Z")
    assert "2026-04-05" <= alarm["decided"][:10] <= "2026-04-08"
    assert "ticks of 1440 minutes" in " ".join(said.split())


def csv(values, step=5):
    at = (START + timedelta(minutes=step * n) for n in range(len(values)))
    return "timestamp,value\n" + "".join(
        f"{t:%Y-%m-%d %H:%M:%S},{v}\n" for t, v in zip(at, values, strict=True) if v is not None
    )


def values(days=13, surge=range(12 * 288, 12 * 288 + 24)):
    rng = random.Random(4)
    return [poisson(rng, 30 if n in surge else 5) for n in range(days * 288)]


def test_a_series_of_values_is_watched_for_attention(run):
    [alarm], said = run(csv(values()))

    assert (alarm["series"], alarm["kind"]) == ("values", "attention")
    assert alarm["onset"] == "2026-01-17T00:00:00Z"
    assert "share" not in alarm
    assert "top" not in alarm
    assert "ticks of 5 minutes" in " ".join(said.split())


def test_missing_values_are_no_zeros(run):
    data = values(surge=range(0))
    gap = [None if 9 * 288 < n < 11 * 288 else v for n, v in enumerate(data)]
    _, whole = run(csv(data), card=True)
    cards, _ = run(csv(gap), card=True)

    assert cards[0]["expected_a_day"] == pytest.approx(5 * 288, rel=0.06)
    assert "0 alarms" in whole


def test_values_that_are_no_counts_are_said_to_be_unproven(run):
    alarms, said = run(csv([v + 0.5 for v in values()]))

    assert len(alarms) == 1
    assert "the budget is not proven" in " ".join(said.split())


def test_a_card_says_what_can_be_found(run):
    cards, _ = run([*news(13), item(START, topics=("rare",))], tick="5m", card=True)
    by_name = {card["series"]: card for card in cards}

    busy, rare = by_name["topic:rates"]["minutes"], by_name["topic:rare"]["minutes"]
    assert busy["10"] < busy["5"] < 1440
    assert rare["5"] is None or rare["5"] > 1440


def test_many_topics_at_once_stand_under_an_umbrella(run):
    names = [f"t{n}" for n in range(6)]
    rows = [row for n, name in enumerate(names) for row in news(13, SURGE, seed=n, topics=(name,))]
    alarms, _ = run(rows, tick="5m")
    [umbrella] = [alarm for alarm in alarms if alarm["kind"] == "umbrella"]

    assert len(umbrella["members"]) >= 5
    assert umbrella["ended"] > umbrella["decided"]
    assert any(alarm.get("under_umbrella") for alarm in alarms)


def test_a_plot_is_written(run, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "plot.png"
    run(list(news(13, SURGE)), tick="5m", plot=out)

    assert out.read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_a_plot_is_refused_before_the_work(run, tmp_path, monkeypatch):
    from groundswell.errors import InputError

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match=r"pip install 'groundswell\[plot\]'"):
        run("nonsense", plot=tmp_path / "plot.png")
