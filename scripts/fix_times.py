"""Bring files from the future back to now, in their order; part of `make resume`.

After a clock that ran ahead was set right, Snakemake refuses to make anything of files
that are newer than now.
"""

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path


def fix_times(folders: Iterable[str | Path], now: float) -> int:
    """Set files back so that the newest is of now; returns how many.

    Parameters
    ----------
    folders : iterable of path
        Searched with all that is below them; those that do not exist are passed over.
    now : float
        Seconds since the epoch.
    """
    paths = [path for folder in folders for path in Path(folder).rglob("*")]
    times = {path: path.stat().st_mtime for path in paths if path.is_file()}
    ahead = {path: mtime for path, mtime in times.items() if mtime > now}
    shift = max(ahead.values(), default=now) - now
    for path, mtime in ahead.items():
        os.utime(path, (mtime - shift, mtime - shift))
    return len(ahead)


if __name__ == "__main__":
    found = fix_times(sys.argv[1:], time.time())
    if found:
        print(f"resume: {found} files were newer than now and have been set back")
