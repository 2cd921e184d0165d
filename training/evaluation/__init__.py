"""
How good a model is: scores with their uncertainty, calibration, behaviour, explanations, cost.

``scores`` and the other decisions are plain numpy over frozen values; ``run`` reads the data, asks the
model and writes the report of ``groundswell evaluate``. docs/evaluation.md explains each figure.
"""
