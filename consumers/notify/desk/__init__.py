"""What a person does about subscriptions, channels, silences and deliveries at the terminal."""
