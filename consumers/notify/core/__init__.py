"""What is sent to whom, when and why: decisions only."""
