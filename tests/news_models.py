"""Models that fail or wait to order, over the tiny bundle."""

import threading

from groundswell.models.session import ModelError
from tests.news_world import model


class Broken:
    """A model that fails from its ``fails``-th call on, for good or for one call."""

    def __init__(self, fails, *, once=False):
        self.manifest = model().manifest
        self.encode = model().encode
        self.calls = 0
        self.workers = 1
        self.fails = fails
        self.once = once

    def run(self, rows):
        self.calls += 1
        if self.calls == self.fails or (self.calls > self.fails and not self.once):
            raise ModelError("the device is gone")
        return model().run(rows)


class Slow(Broken):
    """A model that waits for a word."""

    def __init__(self):
        super().__init__(0)
        self.go = threading.Event()
        self.go.set()

    def run(self, rows):
        assert self.go.wait(20)
        return model().run(rows)
