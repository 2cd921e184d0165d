"""With which bundle a start begins: the champion, the last good one, or the directory of the settings."""

import os

import pytest

from consumers.news.app import open_followed
from consumers.news.core.swap import ATTEMPTS
from consumers.news.swap.bundles import KEPT, open_bundles
from consumers.news.swap.first import NOT_YET, first
from groundswell.errors import BundleError, SettingsError, Transient
from groundswell.models.bundle import MANIFEST
from groundswell.models.registry import CHAMPION
from groundswell.settings import Settings
from tests.news_world import TINY, offsets
from tests.swap_world import Made, Swapping, break_graph, swapping


@pytest.fixture
def made(tmp_path):
    return Made(tmp_path, signed=True)


@pytest.fixture
def settings(made):
    return Settings(bundle=TINY, threads=1, bundle_cache=made.folder / "cache")


def away(made):
    """Let the store of the registry be away."""

    def fail(*arguments):
        raise Transient("the store is away")

    made.objects.names = fail


def test_without_a_registry_the_directory_of_the_settings_serves(settings):
    assert open_followed(settings) is None
    found = first(settings, None)
    assert found.ready.voice.bundle == "tiny@1"
    assert found.why == ""
    assert found.move is None


def test_the_champion_is_served(made, settings):
    made.promote(made.publish("7"))
    found = first(settings, made.bundles)
    assert found.ready.voice.bundle == "tiny@7"
    assert found.move == made.registry.moved(CHAMPION)
    assert found.why == ""


def test_an_empty_registry_leaves_the_directory_serving_until_somebody_promotes(made, settings):
    found = first(settings, made.bundles)
    assert found.ready.voice.bundle == "tiny@1"
    assert found.why == NOT_YET


def test_while_the_registry_is_away_the_last_good_one_serves(made, settings):
    version = made.publish("7")
    made.promote(version)
    first(settings, made.bundles)
    made.bundles.note_good(version)
    away(made)
    found = first(settings, made.bundles)
    assert found.ready.voice.bundle == "tiny@7"
    assert "away" in found.why


def test_a_last_good_one_that_was_changed_is_not_served(made, settings):
    version = made.publish("7")
    made.bundles.fetch(version)
    made.bundles.note_good(version)
    path = made.folder / "cache" / "tiny@7" / MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"7"', b'"8"', 1))
    with pytest.raises(BundleError, match="signed"):
        made.bundles.last_good()
    away(made)
    found = first(settings, made.bundles)
    assert found.ready.voice.key.endswith("in a directory")
    assert "signed" in found.why


def test_nothing_at_all_says_of_each_why_not(made, settings, tmp_path):
    made.promote(made.publish("7", change=break_graph))
    nowhere = settings.model_copy(update={"bundle": tmp_path / "nowhere"})
    with pytest.raises(BundleError, match=r"onnxruntime cannot load it.*no model bundle"):
        first(nowhere, made.bundles)


def test_a_champion_with_which_starts_ended_is_passed_over(made, settings):
    good, bad = made.publish("7"), made.publish("8")
    made.bundles.fetch(good)
    made.bundles.note_good(good)
    made.promote(bad)
    for _ in range(ATTEMPTS):
        assert first(settings, made.bundles).ready.voice.bundle == "tiny@8"
    found = first(settings, made.bundles)
    assert found.ready.voice.bundle == "tiny@7"
    assert "passed over" in found.why
    assert found.passed_over is not None
    made.bundles.note_good(good)
    assert first(settings, made.bundles).ready.voice.bundle == "tiny@8"


async def test_what_was_passed_over_at_the_start_is_not_taken_while_it_runs(made):
    good, bad = made.publish("7"), made.publish("8")
    made.bundles.fetch(good)
    made.bundles.note_good(good)
    made.promote(bad)
    for _ in range(ATTEMPTS):
        made.bundles.begin(bad)
    world = Swapping(made)
    async with swapping(world, feed="Profit soars"):
        await world.until(lambda: world.value("pinned") == 1)
        made.promote(made.publish("9"))
        await world.until(lambda: world.serving == "tiny@9")
    assert "tiny@8" not in world.spoke()
    assert offsets(world.settled()) == list(range(len(world.topic.records[0])))


def test_a_key_that_cannot_be_read_is_a_refusal_to_start(tmp_path):
    with pytest.raises(SettingsError, match="registry_public_key"):
        open_bundles(Settings(registry_url=str(tmp_path), registry_public_key=tmp_path / "none"))


def test_of_many_fetched_bundles_the_last_few_and_the_good_one_are_kept(made):
    versions = [made.publish(str(number)) for number in range(1, 9)]
    for seconds, version in enumerate(versions):
        os.utime(made.bundles.fetch(version), (seconds, seconds))
    made.bundles.note_good(versions[0])
    left = {path.name for path in (made.folder / "cache").iterdir() if path.is_dir()}
    assert left == {versions[0].id, *(version.id for version in versions[-KEPT:])}
    found = made.bundles.last_good()
    assert found is not None
    assert found[1] == versions[0]
