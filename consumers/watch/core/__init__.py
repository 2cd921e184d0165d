"""The decisions of ``watch``: plain functions over frozen values, without I/O and without a clock."""
