"""Looks at a gold set are counted once each, whoever asks and however often."""

import threading

from groundswell.models.registry.looks import look
from groundswell.models.registry.memory import MemoryObjects

GOLD, OTHER = "a" * 64, "b" * 64


def number(objects, gold, challenger, champion="c@1"):
    return look(objects, gold, challenger, champion, "2026-01-01T00:00:00Z").number


def test_each_question_is_a_look_and_the_same_question_is_the_same_look():
    objects = MemoryObjects()

    assert [number(objects, GOLD, name) for name in ("one", "two", "one", "three")] == [1, 2, 1, 3]
    assert number(objects, GOLD, "one", "c@2") == 4
    assert number(objects, OTHER, "one") == 1


def test_looks_taken_at_once_have_numbers_of_their_own():
    objects, found = MemoryObjects(), []
    start = threading.Barrier(6)

    def take(name):
        start.wait()
        found.append(number(objects, GOLD, name))

    threads = [threading.Thread(target=take, args=(f"m{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [1, 2, 3, 4, 5, 6]
