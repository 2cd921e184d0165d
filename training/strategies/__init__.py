"""
The ladder: from no labels to many.

``choice`` picks the rung and says why; ``zero_shot`` sets heads from what the functions say, ``few_shot``
contrasts and fits them, ``lora`` puts small matrices beside the encoder's own for the loop to train;
full training is the loop itself. ``rungs`` carries them out.
"""
