"""``notify``: from transitions to the subscribers' channels."""
