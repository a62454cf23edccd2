"""Build the package's small C kernels on first use, and load them with ctypes.

A kernel is compiled for the machine it runs on (``-march=native``) and kept in a
per-user cache under a name that hashes the source, compiler, flags and processor, so
that a cluster with mixed nodes never loads code for another processor. Where there is
no compiler, `load_kernel` returns None and callers take their fallback.
"""

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

logger = logging.getLogger(__name__)

FLAGS = (
    "-O3",
    "-march=native",
    "-std=gnu11",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-shared",
    "-fPIC",
)


@functools.cache
def load_kernel(source: str) -> ctypes.CDLL | None:
    """Compile (once per machine) and load a C file of this package.

    Parameters
    ----------
    source : str
        File relative to the package, e.g. ``models/gibbs/kernel.c``.

    Returns
    -------
    ctypes.CDLL or None
        None without a working C compiler, or when ``GRVSNN_NATIVE=0``. Calls through
        the library release Python's global lock.
    """
    if os.environ.get("GRVSNN_NATIVE") == "0":
        return None
    compiler = find_compiler()
    if compiler is None:
        logger.warning("no C compiler found: %s runs on its slower fallback", source)
        return None
    path = Path(__file__).parents[1] / source
    target = cache_folder() / f"{path.stem}-{_build_key(path, compiler)}.so"
    if not target.exists():
        try:
            _compile(path, target, compiler)
        except (subprocess.CalledProcessError, OSError) as error:
            details = getattr(error, "stderr", "") or str(error)
            logger.warning("cannot build %s, taking its fallback:\n%s", source, details)
            return None
    return ctypes.CDLL(str(target))


def find_compiler() -> tuple[str, ...] | None:
    """Find the C compiler's command: ``$CC``, cc, gcc or clang, in that order."""
    for candidate in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        command = tuple(shlex.split(candidate))
        if command and shutil.which(command[0]):
            return command
    return None


def cache_folder() -> Path:
    """Folder of built kernels: ``GRVSNN_NATIVE_CACHE`` or the user's cache."""
    if folder := os.environ.get("GRVSNN_NATIVE_CACHE"):
        return Path(folder)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "grvsnn"


def _build_key(path: Path, compiler: tuple[str, ...]) -> str:
    version = subprocess.run(
        [*compiler, "--version"], capture_output=True, text=True, check=False
    ).stdout
    parts = (path.read_text(), version, " ".join(FLAGS), _processor())
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    """Processor model and its feature flags, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine() + platform.processor()
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))


def _compile(path: Path, target: Path, compiler: tuple[str, ...]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(suffix=".so", dir=target.parent)
    os.close(handle)
    try:
        subprocess.run(
            [*compiler, *FLAGS, str(path), "-o", scratch, "-lm"],
            capture_output=True,
            text=True,
            check=True,
        )
        os.replace(scratch, target)
    finally:
        Path(scratch).unlink(missing_ok=True)
