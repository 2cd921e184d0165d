"""``watch``: decides each minute of each series once, and says when negative opinion surges."""
