"""Figures of the report, each a function of tables and paths to write."""

from grvsnn.figures.forest import plot_comparisons
from grvsnn.figures.intervals import mean_intervals
from grvsnn.figures.manhattan import plot_manhattan
from grvsnn.figures.ranges import plot_coverage, plot_stability
from grvsnn.figures.scatter import pair_up, plot_true_vs_predicted
from grvsnn.figures.scree import Spectrum, plot_scree
from grvsnn.figures.strip import plot_runs
from grvsnn.figures.tradeoff import plot_accuracy_minutes
from grvsnn.figures.training import plot_training

__all__ = [
    "Spectrum",
    "mean_intervals",
    "pair_up",
    "plot_accuracy_minutes",
    "plot_comparisons",
    "plot_coverage",
    "plot_manhattan",
    "plot_runs",
    "plot_scree",
    "plot_stability",
    "plot_training",
    "plot_true_vs_predicted",
]
