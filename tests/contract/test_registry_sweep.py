"""Old versions are removed, over every store, and never one that an alias names, whoever moves it."""

import pytest

from groundswell.errors import BundleError
from groundswell.models.registry import Registry
from groundswell.models.registry.sweeping import GRACE, sweep
from tests.registry_world import STORES, Ticks, bundle, store_of

MONTH = 30 * 86_400 + 4_000_000_000
"""A time long after anything that a store has written."""


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


def test_old_versions_go_and_those_that_an_alias_names_stay(objects, registry, published, tmp_path):
    versions = [published(str(number)) for number in range(6)]
    registry.promote(versions[0], None)
    registry.promote(versions[1], versions[0])
    registry.promote(versions[2], None, alias="challenger")

    assert sweep(registry, 1, 0.0, dry=True) == ["tiny@4", "tiny@3"]
    assert sweep(registry, 1, 0.0) == ["tiny@4", "tiny@3"]

    left = [mark.version for mark in registry.versions()]
    assert left == [versions[5], *versions[2::-1]]
    for version in left:
        registry.fetch(version, tmp_path / "cache")
    assert not [path for path in objects.names("bundles") if "/4/" in path or "/3/" in path]


def test_files_without_a_mark_go_when_they_are_old(objects, registry, published, tmp_path):
    published("1")
    objects.put("bundles/tiny/2/aa/model.onnx", tmp_path / "tiny-1" / "model.onnx")
    written = objects.written("bundles/tiny/2/aa/model.onnx")

    assert sweep(registry, 5, (written or 0.0) + GRACE - 60) == []
    expected = [] if written is None else ["bundles/tiny/2/aa/model.onnx"]
    assert sweep(registry, 5, MONTH) == expected
    assert len(registry.versions()) == 1


def test_a_promotion_during_a_sweep_is_seen_by_one_of_them(objects, registry, published):
    """The alias moves just after the sweep has taken the mark: the sweep puts it back."""
    versions = [published(str(number)) for number in range(3)]
    remove = objects.remove

    def remove_and_promote(path):
        objects.remove = remove
        Registry(objects).promote(versions[0], None)  # all its checks are passed
        remove(path)

    objects.remove = remove_and_promote
    removed = sweep(registry, 1, 0.0)

    assert removed == ["tiny@1"]
    assert registry.alias("champion") == versions[0]
    assert versions[0] in [mark.version for mark in registry.versions()]


def test_a_sweep_during_a_promotion_is_seen_by_one_of_them(objects, registry, published):
    """The mark goes between the promotion's look and its move: the promotion goes back and says so."""
    one, two = published("1"), published("2")
    registry.promote(one, None)
    create = objects.create

    def create_and_sweep(path, data):
        objects.create = create
        objects.remove("versions/tiny/2.json")
        return create(path, data)

    objects.create = create_and_sweep
    with pytest.raises(BundleError, match="was removed from the registry meanwhile"):
        registry.promote(two, one)

    assert registry.alias("champion") == one
    assert registry.alias("previous") is None
