"""Hot swap: another bundle takes over between two batches, or is refused, and can be taken back."""
