"""
Data: labelled rows read, checked, cleaned of duplicates, and split.

In order: ``sources`` (JSON lines, CSV, a hub), ``cards`` (origin, licence, names of fields and labels),
``rows``, ``labels`` (rows to examples; ``spans`` and ``align`` for token tasks), ``duplicates``, ``split``
(``neighbours`` finds near-duplicates), ``review`` (conflicts, and the labels that ``confident`` doubts),
``snapshot``.
"""

from training.data.cards import ALLOWED, Card, check_licences, read_card
from training.data.duplicates import merge_duplicates
from training.data.labels import Labelled, label_rows
from training.data.rows import DataSet, label_values, read_sets, row_with
from training.data.split import PARTS, Split, split_examples
from training.examples import MASKED

__all__ = [
    "ALLOWED",
    "MASKED",
    "PARTS",
    "Card",
    "DataSet",
    "Labelled",
    "Split",
    "check_licences",
    "label_rows",
    "label_values",
    "merge_duplicates",
    "read_card",
    "read_sets",
    "row_with",
    "split_examples",
]
