"""What subscribers are told: subscriptions, channels, silences, the queue of deliveries, and the log."""
