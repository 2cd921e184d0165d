"""
Refresh: what people said of labels becomes a new champion, if it is better and no gate refuses it.

    core/       decisions: which votes settle a label, what to ask next, whether there is reason, which rows
    labels.py   the settled labels with their texts, as a data set    material.py  old rows and new ones
    warm.py     the run that starts from the champion                 measured.py  old against new
    steps.py    the steps in order       journal.py  which are done   lock.py      one at a time
    job.py      one refresh              cli.py, drift_cli.py, explain_cli.py      the commands

Rules: a step may be killed anywhere and is then done again; what it leaves stands aside until it is whole.
The journal says which steps are done. See ``docs/refresh.md``.
"""
