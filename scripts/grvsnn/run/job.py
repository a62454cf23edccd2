"""The frame around every script: log file, threads, signals, errors in one line."""

import errno
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from grvsnn.base.errors import InputError
from grvsnn.base.files import remove_unfinished
from grvsnn.base.usage import Usage, sum_usage, usage_so_far, write_usage

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake as Job

logger = logging.getLogger("grvsnn")

DISK_ADVICE = {
    errno.ENOSPC: "free some space and run again",
    errno.EDQUOT: "free some of your quota and run again",
    errno.EROFS: "make the folder writable and run again",
    errno.EACCES: "check who may write there and run again",
    errno.EPERM: "check who may write there and run again",
}


def run_job(job: "Job", main: Callable[["Job"], Iterable[Usage] | None]) -> None:
    """Run a script's main function under its rule's log and thread limit.

    A rule with an output named ``usage`` gets what the job used; `main` returns the
    usage of earlier attempts whose work it took up, if there were any.

    A user's mistake (`InputError`) or a full or read-only disk ends the job with one
    line on stderr and in the log; anything else is a bug and leaves its traceback in
    both. SIGTERM, which clusters send before they kill, ends it with nothing partial.
    """
    signal.signal(signal.SIGTERM, _end)
    try:
        _log_to(job.log[0] if job.log else None, job.rule)
        with threadpool_limits(limits=int(job.threads)):
            earlier = main(job)
        if usage := job.output.get("usage"):
            write_usage(sum_usage([usage_so_far(), *(earlier or ())]), usage)
    except InputError as error:
        logger.error("%s", error)
        sys.exit(1)
    except OSError as error:
        if error.errno not in DISK_ADVICE:
            logger.exception("rule %s failed", job.rule)
        else:
            logger.error("%s: %s", error, DISK_ADVICE[error.errno])
        sys.exit(1)
    except Exception:
        logger.exception("rule %s failed", job.rule)
        sys.exit(1)


def _end(number: int, _frame: FrameType | None) -> None:
    """Leave at once: an exception would wait for threads that fit other folds."""
    remove_unfinished()
    logger.error("stopped by %s", signal.Signals(number).name)
    logging.shutdown()
    os._exit(128 + number)


def _log_to(path: str | None, rule: str) -> None:
    handlers: list[logging.Handler] = []
    if path:
        handlers.append(logging.FileHandler(path, mode="w", encoding="utf-8"))
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(logging.WARNING if path else logging.INFO)
    handlers.append(console)
    logging.basicConfig(
        level=logging.INFO,
        format=f"%(asctime)s %(levelname)s {rule}: %(message)s",
        datefmt="%H:%M:%S",
        handlers=handlers,
        force=True,
    )
    # these speak at length below warnings
    for noisy in ("numba", "fontTools", "matplotlib", "bed_reader"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
