"""The channels: a sender each."""
