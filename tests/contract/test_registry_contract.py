"""The registry over every store: versions that never change, aliases that move by compare-and-set."""

import msgspec
import pytest

from groundswell.errors import BundleError, InputError, Transient
from groundswell.models.bundle import load_manifest
from groundswell.models.golden import check_golden, read_golden
from groundswell.models.registry import Conflict, Registry, Version
from groundswell.models.session import load
from tests.registry_world import STORES, Ticks, bundle, read, store_of, write


@pytest.fixture(params=STORES)
def objects(request, tmp_path):
    return store_of(request.param, tmp_path)


@pytest.fixture
def registry(objects):
    return Registry(objects, clock=Ticks())


@pytest.fixture
def published(registry, tmp_path):
    def published(version, **changes):
        return registry.publish(bundle(tmp_path, version, **changes), by="ada")

    return published


def test_what_was_published_is_fetched_and_answers_its_golden_texts(registry, published, tmp_path):
    version = published("1")

    fetched = registry.fetch(version, tmp_path / "cache")

    assert fetched == tmp_path / "cache" / "tiny@1"
    assert load_manifest(fetched) == registry.manifest(version)
    model = load(fetched, threads=1)
    assert check_golden(model, read_golden(fetched, model.manifest))
    assert [(mark.version, mark.by, mark.blessed) for mark in registry.versions()] == [
        (version, "ada", True)
    ]


def test_fetching_again_mends_what_was_broken_and_leaves_the_rest(registry, published, tmp_path):
    version = published("1")
    fetched = registry.fetch(version, tmp_path / "cache")
    graph = fetched / "model.onnx"
    before = graph.stat().st_ino
    assert registry.fetch(version, tmp_path / "cache") == fetched
    assert graph.stat().st_ino == before

    graph.write_bytes(b"broken")
    registry.fetch(version, tmp_path / "cache")

    assert load_manifest(fetched).id == "tiny@1"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["tiny@1"]
    assert not (fetched / ".broken").exists()


def test_a_version_never_changes(registry, published, tmp_path):
    first = published("1")
    assert registry.publish(tmp_path / "tiny-1") == first
    other = bundle(tmp_path / "elsewhere", "1", languages=("en", "zh"))

    with pytest.raises(Conflict, match="versions never change"):
        registry.publish(other)
    assert registry.manifest(first).languages == ("en",)


def test_aliases_name_nothing_at_first(registry):
    assert [registry.alias(name) for name in ("champion", "challenger", "previous")] == [None] * 3
    with pytest.raises(InputError, match="names no version"):
        registry.find("champion")
    with pytest.raises(InputError, match="no alias"):
        registry.alias("staging")


def test_a_promotion_moves_champion_and_previous_at_once(registry, published):
    one, two = published("1"), published("2")

    registry.promote(one, None)
    registry.promote(two, one, reason="better", by="ada")

    assert (registry.alias("champion"), registry.alias("previous")) == (two, one)
    last, first = registry.history("champion")
    assert (last.generation, last.version, last.before) == (2, two, one)
    assert (last.reason, last.by, last.forced) == ("better", "ada", False)
    assert first.generation == 1
    assert registry.find("champion") == registry.find("tiny@2") == two


def test_a_promotion_from_another_state_is_refused(registry, published):
    one, two, three = published("1"), published("2"), published("3")
    registry.promote(one, None)
    registry.promote(two, one)

    for expected in (None, one):
        with pytest.raises(Conflict, match="names tiny@2, not"):
            registry.promote(three, expected)
    assert registry.alias("champion") == two


def test_promoting_what_is_champion_already_does_nothing(registry, published):
    one = published("1")
    first = registry.promote(one, None)

    assert registry.promote(one, None) == first
    assert len(registry.history("champion")) == 1


def test_of_two_who_read_the_same_state_one_is_told(objects, registry, published):
    one, two, three = published("1"), published("2"), published("3")
    registry.promote(one, None)
    seen = registry.moved("champion")

    class Late(Registry):  # it read before the other one wrote
        def moved(self, alias):
            return seen

    registry.promote(two, one)

    with pytest.raises(Conflict, match="just now"):
        Late(objects).promote(three, one)
    assert registry.alias("champion") == two


def test_a_rollback_goes_back_and_another_one_forth(registry, published):
    one, two = published("1"), published("2")
    registry.promote(one, None)
    with pytest.raises(InputError, match="no version to go back to"):
        registry.rollback()
    registry.promote(two, one)

    with pytest.raises(Conflict):
        registry.rollback(expected=one)
    registry.rollback(expected=two)
    assert (registry.alias("champion"), registry.alias("previous")) == (one, two)
    registry.rollback()
    assert (registry.alias("champion"), registry.alias("previous")) == (two, one)


def test_a_bundle_without_a_blessing_is_promoted_only_by_force_and_that_is_kept(
    registry, published
):
    plain = published("1", blessed=False)

    with pytest.raises(BundleError, match="no gate has blessed it"):
        registry.promote(plain, None)
    with pytest.raises(InputError, match="--reason"):
        registry.promote(plain, None, force=True)
    assert registry.alias("champion") is None

    registry.promote(plain, None, alias="challenger")
    registry.promote(plain, None, force=True, reason="the gold set is wrong")

    move = registry.moved("champion")
    assert (move.forced, move.reason) == (True, "the gold set is wrong")


def test_a_challenger_can_be_taken_back(registry, published):
    one = published("1")
    registry.promote(one, None, alias="challenger")

    registry.clear("challenger", one)

    assert registry.alias("challenger") is None
    registry.promote(one, None, alias="challenger")
    assert registry.alias("challenger") == one


def test_a_move_is_announced_after_it_stands_and_stands_without_it(objects, published, registry):
    one = published("1")
    heard = []

    class Away:
        def announce(self, move):
            heard.append((move.version, registry.alias("champion")))
            raise Transient("the broker is away")

    done = Registry(objects, announcer=Away()).promote(one, None)

    assert heard == [(one, one)]
    assert done.fault == "the broker is away"


def test_a_version_that_is_not_there_is_said(registry, published, tmp_path):
    published("1")
    absent = Version("tiny@9", "0" * 64)

    with pytest.raises(BundleError, match="tiny@9: the registry has no such version"):
        registry.fetch(absent, tmp_path / "cache")
    with pytest.raises(InputError, match="no version tiny@9"):
        registry.find("tiny@9")
    with pytest.raises(InputError, match="NAME@VERSION"):
        registry.find("../../etc/passwd")


def test_a_changed_file_or_manifest_is_never_handed_out(objects, registry, published, tmp_path):
    version = published("1")
    [graph] = [path for path in objects.names("bundles") if path.endswith("model.onnx")]
    whole = objects.read(graph, 10**6)
    objects.remove(graph)
    objects.create(graph, whole[:-1] + b"x")
    with pytest.raises(BundleError, match="SHA-256"):
        registry.fetch(version, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []

    [place] = [path for path in objects.names("bundles") if path.endswith("manifest.json")]
    raw = objects.read(place, 10**6)
    objects.remove(place)
    objects.create(place, raw.replace(b"0.3", b"0.1"))
    with pytest.raises(BundleError, match="is not the one that was meant"):
        registry.fetch(version, tmp_path / "cache")


def test_an_unfinished_upload_is_no_version(objects, registry, published):
    version = published("1")
    [mark] = objects.names("versions")
    objects.remove(mark)

    assert registry.versions() == []
    with pytest.raises(BundleError, match="no such version"):
        registry.promote(version, None)


@pytest.mark.parametrize("path", ["../model.onnx", "/etc/passwd", "a/../../x", "a\\b", ".hidden"])
def test_no_path_leaves_the_folder(objects, registry, tmp_path, path):
    made = bundle(tmp_path, "1")
    manifest = read(made)
    file = msgspec.structs.replace(manifest.card, path=path)
    write(made, msgspec.structs.replace(manifest, card=file))

    with pytest.raises(BundleError):
        registry.publish(made)
    assert objects.names("versions") == []
