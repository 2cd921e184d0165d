"""
The gates that a bundle passes before it may be promoted; see ``docs/gates.md``.

``core`` decides, over values alone; ``measuring`` and ``clean`` measure; ``judge`` asks them in order.
"""
