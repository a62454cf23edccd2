"""Peak memory of one benchmark among several that share a process."""

import resource
from pathlib import Path


def reset_peak() -> None:
    """Forget the process's peak so far, where the system can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_gb() -> float:
    """Largest resident memory since `reset_peak`, in 10^9 bytes.

    Elsewhere than on Linux it is that since the process began.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    kib = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(kib) * 1024 / 1e9
