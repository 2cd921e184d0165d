"""``count``: folds the log of record into Redis, each source offset exactly once."""
