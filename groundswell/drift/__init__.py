"""
Drift: whether what a model is asked today is still like what it was made on. Pure statistics in numpy.

    observed.py    what of a text is looked at: Units, one a story
    statistics.py  the test statistics, each for many divisions of the same units at once
    judging.py     thresholds from divisions of the reference, several tests corrected, the verdict
    sample.py      the reference sample that a bundle carries

Rules: near-duplicates count once, so that one big story is no drift; a threshold is what windows of the
reference itself reach, not a table of a textbook; nothing here reads a file, a clock or an unseeded
random source. See ``docs/drift.md``.
"""
