"""What a job used, by the kernel's own counts: time, CPU and memory.

Snakemake's ``benchmark:`` samples a running job, soon every 30 s only, and misses what
comes after the last sample. Here a job reads its counters at its end.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

from grvsnn.base.files import read_json, write_json

# what came before this import was the interpreter's start, busy all the time
STARTED = time.perf_counter() - time.process_time()
ATTEMPT = f"usage-{time.time_ns()}-{os.getpid()}.json"


@dataclass(frozen=True)
class Usage:
    """Resources of one job.

    Parameters
    ----------
    seconds : float
        By the clock, from the start of the interpreter.
    cpu_seconds : float
        User and system time of the process, of all its threads, and of its children.
    peak_mb : float
        Largest resident memory (MiB) of the process or of one of its children.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float


def usage_so_far() -> Usage:
    """Read the counters of this process and of its children that have ended."""
    own, children = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
    return Usage(
        seconds=time.perf_counter() - STARTED,
        cpu_seconds=sum(part.ru_utime + part.ru_stime for part in (own, children)),
        # ru_maxrss is in KiB on Linux
        peak_mb=max(_own_peak_kib(own.ru_maxrss), children.ru_maxrss) / 1024,
    )


def _own_peak_kib(maxrss: int) -> int:
    """Peak of this program alone; ``ru_maxrss`` also counts who started it.

    A process that calls exec keeps the peak of the one that it was forked from, here
    Snakemake's, while VmHWM starts again (proc_pid_status(5)).
    """
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8") if status.exists() else ""
    found = [line.split()[1] for line in lines.splitlines() if line[:6] == "VmHWM:"]
    return int(found[0]) if found else maxrss


def sum_usage(parts: Iterable[Usage]) -> Usage:
    """Usage of attempts that followed each other."""
    parts = list(parts)
    return Usage(
        seconds=sum(part.seconds for part in parts),
        cpu_seconds=sum(part.cpu_seconds for part in parts),
        peak_mb=max(part.peak_mb for part in parts),
    )


def keep_usage(folder: str | Path) -> None:
    """Note in a folder of checkpoints what this attempt has used up to one of them."""
    write_usage(usage_so_far(), Path(folder) / ATTEMPT)


def earlier_usage(folder: str | Path) -> list[Usage]:
    """Usage of the killed attempts whose checkpoints this one has taken up.

    What they did after their last checkpoint was lost, and is not counted.
    """
    paths = sorted(Path(folder).glob("usage-*.json"))
    return [read_usage(path) for path in paths if path.name != ATTEMPT]


def write_usage(usage: Usage, path: str | Path) -> None:
    """Write a usage file, atomically."""
    write_json(asdict(usage), path)


def read_usage(path: str | Path) -> Usage:
    """Read what `write_usage` wrote."""
    return Usage(**read_json(path))
