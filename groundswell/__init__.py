"""
What the programs of Groundswell promise one another.

Values only: no file in this package but those of ``models`` does I/O, and none reads a clock, the
environment or a random source. ``cli`` is the one door to the programs.
"""

__version__ = "0.1.0"
