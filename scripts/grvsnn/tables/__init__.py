"""Tables of the report: built from scores and fits, written as CSV, LaTeX and HTML."""

from grvsnn.tables.comparisons import comparison_table, stability_table
from grvsnn.tables.intervals import intervals_table
from grvsnn.tables.layout import Table, make_table, mean_sd, number
from grvsnn.tables.runs import (
    convergence_frame,
    convergence_table,
    minutes_table,
    runtime_frame,
)
from grvsnn.tables.scores import (
    calibration_table,
    dcor_table,
    metric_across_methods,
    performance_table,
    score_table,
    truth_table,
)
from grvsnn.tables.text import summary_text
from grvsnn.tables.write import write_table

__all__ = [
    "Table",
    "calibration_table",
    "comparison_table",
    "convergence_frame",
    "convergence_table",
    "dcor_table",
    "intervals_table",
    "make_table",
    "mean_sd",
    "metric_across_methods",
    "minutes_table",
    "number",
    "performance_table",
    "runtime_frame",
    "score_table",
    "stability_table",
    "summary_text",
    "truth_table",
    "write_table",
]
