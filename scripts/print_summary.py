"""Print the last lines of `make run`: a small table of r and the report's path."""

import sys
from pathlib import Path

from grvsnn.base.files import read_parquet
from grvsnn.report.tables.text import summary_text

if __name__ == "__main__":
    scores, report = sys.argv[1:]
    print(f"\n{summary_text(read_parquet(scores))}\n")
    print(f"Report: {Path(report).resolve()}")
