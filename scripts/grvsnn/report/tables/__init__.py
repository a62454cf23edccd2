"""Tables of the report: built from scores and fits, written as CSV, LaTeX and HTML."""
