"""The decisions of `consume`: plain functions and values, no I/O, no clock."""
