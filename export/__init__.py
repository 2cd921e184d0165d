"""
The exporter: a checkpoint in, a bundle out, or a named reason why not.

``make.py`` is the whole chain in order: graph, parity, quantisation, fp16, golden texts, manifest, and a
clean process that loads what was written. Nothing here is imported by an online program.
"""
