"""
The trainer: labelled rows in, a checkpoint out.

Read ``train.py`` from top to bottom; it calls the other files in the order in which they matter: functions,
data, encoder, model, loop, evaluate, baseline, report, checkpoint. Nothing here is imported by an online
program.
"""
