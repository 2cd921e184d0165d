"""The alert desk: what a person reads and does of alerts at the terminal."""
