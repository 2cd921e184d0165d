"""Whatever the store, objects are written once, whole or not at all; the twin does as the others."""

import threading

import pytest

from groundswell.errors import BundleError
from tests.registry_world import STORES, store_of


@pytest.fixture(params=STORES)
def objects(request, tmp_path):
    return store_of(request.param, tmp_path)


def test_what_was_created_is_read_and_what_was_not_is_none(objects):
    assert objects.create("a/b/one.json", b"one")

    assert objects.read("a/b/one.json", 3) == b"one"
    assert objects.read("a/b/two.json", 3) is None


def test_a_name_is_taken_once(objects):
    assert objects.create("a/one", b"first")
    assert not objects.create("a/one", b"second")
    assert not objects.create("a/one", b"first")

    assert objects.read("a/one", 10) == b"first"


def test_of_many_who_create_a_name_at_once_one_succeeds(objects):
    start = threading.Barrier(8)
    won = []

    def create(number):
        start.wait()
        if objects.create("race", f"{number}".encode()):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
    assert objects.read("race", 10) == f"{won[0]}".encode()


def test_what_is_larger_than_asked_is_refused(objects):
    objects.create("big", b"x" * 11)

    with pytest.raises(BundleError, match="10"):
        objects.read("big", 10)


def test_files_go_in_and_come_out(objects, tmp_path):
    (tmp_path / "in").write_bytes(b"12345")
    objects.put("f/file", tmp_path / "in")
    objects.put("f/file", tmp_path / "in")

    objects.get("f/file", tmp_path / "out", 5)

    assert (tmp_path / "out").read_bytes() == b"12345"


@pytest.mark.parametrize(("path", "size"), [("f/file", 4), ("f/file", 6), ("f/other", 5)])
def test_a_file_of_another_size_or_none_is_refused(objects, tmp_path, path, size):
    (tmp_path / "in").write_bytes(b"12345")
    objects.put("f/file", tmp_path / "in")

    with pytest.raises(BundleError, match="f/"):
        objects.get(path, tmp_path / "out", size)


def test_names_are_sorted_whole_paths_of_one_folder(objects):
    for path in ("a/2", "a/1", "a/deep/er", "ab/3"):
        objects.create(path, b"")

    assert objects.names("a") == ["a/1", "a/2", "a/deep/er"]
    assert objects.names("nothing") == []


def test_what_was_removed_is_gone_and_its_name_is_free(objects):
    objects.create("a/one", b"first")
    objects.remove("a/one")
    objects.remove("a/one")

    assert objects.names("a") == []
    assert objects.create("a/one", b"second")
    assert objects.read("a/one", 10) == b"second"
