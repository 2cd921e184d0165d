"""The decisions of ``count``: plain functions over frozen values, without I/O and without a clock."""
