"""The frame around every script: log file, threads, and errors without tracebacks."""

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from grvsnn.errors import InputError

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake as Job

logger = logging.getLogger("grvsnn")


def run_job(job: "Job", main: Callable[["Job"], None]) -> None:
    """Run a script's main function under its rule's log and thread limit.

    A user's mistake (`InputError`) ends the job with one line on stderr and in the
    log; anything else is a bug and leaves its traceback in both.
    """
    _log_to(job.log[0] if job.log else None, job.rule)
    try:
        with threadpool_limits(limits=int(job.threads)):
            main(job)
    except InputError as error:
        logger.error("%s", error)
        sys.exit(1)
    except Exception:
        logger.exception("rule %s failed", job.rule)
        sys.exit(1)


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
