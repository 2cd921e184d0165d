"""The page of `make bench-detect` from small figures: every place is filled, every plot drawn."""

from datetime import date

import msgspec
import pytest

pytest.importorskip("scipy", reason="needs the extra `train`")
pytest.importorskip("matplotlib", reason="needs the extra `plot`")

from tests.bench.detect import page
from tests.bench.detect.compare import OURS, STRATA, Tried
from tests.bench.detect.delays import KINDS, POOLED, VOLUMES, Delay, Variant
from tests.bench.detect.generator import KINDS as SURGES
from tests.bench.detect.headlines import Alarm, Run
from tests.bench.detect.live import Through
from tests.bench.detect.nulls import Null
from tests.bench.detect.replayed import Found, Replayed
from tests.bench.detect.scenarios import Told
from tests.bench.detect.scoring import rate
from tests.bench.detect.series import Scored
from tests.bench.detect.tables import CASES

FOUND = Found("2020-03-09T14:01:00Z", "topic:b", "tone", "2020-03-09T13:00:00Z")
ONLY = Found("2020-03-08T14:01:00Z", "all", "both", "2020-03-08T13:00:00Z")
RATES = [rate(1, 100.0)] * len(STRATA)


def tried(family, variant, false, recall):
    strata: list[tuple[float, float | None]] = [(recall, 20.0)] * len(STRATA)
    return Tried(family, variant, 9.0, false, 100.0, recall, [recall], strata, dict.fromkeys(SURGES, recall), 30.0)  # fmt: skip


def figures():
    places = [*((v, v) for v in VOLUMES), *POOLED]
    delays = [
        Delay(low, high, kind, drift, 0.9, 12.0, None, 7.0 if low == high else None, 10)
        for low, high in places
        for kind in KINDS
        for drift in (False, True)
    ]
    compared = [
        tried(OURS, "defaults, 1/7", 3, 0.5),
        tried(OURS, "defaults, 1/30", 1, 0.4),
        tried(OURS, "hindsight", 2, 0.45),
        tried("EWMA", "half-life 30 min", 3, 0.3),
    ]
    alarm = Alarm("topic:a", "tone", "warning", date(2019, 3, 10), date(2019, 3, 11), 9, 2.0, "e")
    run = Run(16, 0.2, 900, [alarm], {"e, topic:a": "2019-03-11"})
    words = Run(2, 0.1, 900, [alarm], {"e, match:a": ""})
    return {
        "null": [Null(case, RATES) for case in CASES],
        "counts": [Through("merged", 10, 9, 0, 0.05, 8.0, 8.0, RATES[0], RATES)],
        "scenarios": [Told("outage", RATES[0], 4, 1, {"tone": 1})],
        "drift": compared,
        "clean": compared,
        "delay": delays,
        "variants": [Variant("defaults", [Null("clean", RATES), Null("drift", RATES)], delays)],
        "nab": [
            Scored(f"{OURS}, defaults", which, {"standard": 70.0, "low FP": 60.0, "low FN": 80.0}, 3, 4, 3)
            for which in ("tweets", "known cause")
        ],
        "headlines": [run, run, words],
        "replayed": Replayed("a", "b", 300, 9000, 17, 0, 1, [FOUND, ONLY], [FOUND]),
    }  # fmt: skip


def test_every_place_of_the_page_is_filled(tmp_path):
    for part, value in figures().items():
        (tmp_path / f"{part}.json").write_bytes(msgspec.json.encode(value))
    out = tmp_path / "docs" / "page.md"
    out.parent.mkdir()
    page.write(tmp_path, out)
    text = out.read_text("utf-8")
    assert "{{" not in text
    assert "e, match:a: not found" in text
    images = {p.name: p.stat().st_size for p in (out.parent / "images").iterdir()}
    assert len(images) == 4
    assert all(name in text for name in images)
    assert all(0 < size < 150_000 for size in images.values())


def test_a_page_without_figures_is_not_written(tmp_path):
    with pytest.raises(SystemExit, match="no figures of null"):
        page.write(tmp_path, tmp_path / "page.md")
    assert not (tmp_path / "page.md").exists()
