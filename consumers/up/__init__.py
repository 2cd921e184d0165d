"""
The operator's hands: `up` runs everything on one machine; `top`, `topics` and `doctor` look at it.

`up` starts the programs as processes of their own, by their commands: nothing here reaches into them.
"""
