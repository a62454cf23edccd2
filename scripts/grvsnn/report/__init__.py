"""The report: one HTML page that holds every table and figure of a run."""

from grvsnn.report.page import Run, render_report

__all__ = ["Run", "render_report"]
