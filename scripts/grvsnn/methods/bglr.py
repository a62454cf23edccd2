"""The Bayesian methods by the R package BGLR, the field's reference, through rpy2.

The R side is R/bglr.R. R starts on the first fit and only where `is_available` found
R, rpy2 and BGLR in a process apart, so that a machine without them never notices.
"""

import functools
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from grvsnn.base.errors import InputError
from grvsnn.base.files import scratch_folder
from grvsnn.base.names import base_method
from grvsnn.models.gibbs.diagnostics import effective_size, rhat
from grvsnn.protocol.fold_task import (
    FoldFit,
    FoldTask,
    normalise_importance,
    standardise,
)

logger = logging.getLogger(__name__)

REPOSITORY = Path(__file__).resolve().parents[3]
SOURCE = REPOSITORY / "R" / "bglr.R"
COLUMNS = ("effect", "sd", "lower", "upper", "pip")
_PROBE = """
import rpy2.robjects as ro
found = ro.r('isTRUE(suppressMessages(requireNamespace("BGLR", quietly = TRUE)))')[0]
print("BGLR found" if found else "BGLR missing")
"""


@dataclass(frozen=True)
class Options:
    """Settings of a BGLR fit; names are the config's keys.

    Parameters
    ----------
    n_iter, burn_in, thin : int
        Length of the chains.
    eta : {"separate", "joint"}
        Markers and loadings as two terms, each with its own variance, or as one.
    interval : float
        Probability inside the credible interval that decides on selection.
    """

    n_iter: int = 6000
    burn_in: int = 2000
    thin: int = 5
    eta: str = "separate"
    interval: float = 0.95

    @classmethod
    def read(cls, params: Mapping[str, object]) -> "Options":
        """Take this backend's keys out of a job's parameters, and check them."""
        known = cls.__dataclass_fields__
        options = cls(**{key: params[key] for key in known if key in params})
        if not 0 <= options.burn_in < options.n_iter or options.thin < 1:
            raise InputError(
                f"n_iter {options.n_iter}, burn_in {options.burn_in}, thin"
                f" {options.thin}: need 0 <= burn_in < n_iter and thin >= 1"
            )
        return options


def is_available() -> bool:
    """Whether R, rpy2 and BGLR are all here and work together."""
    return not availability_reason()


@functools.cache
def availability_reason() -> str:
    """Why BGLR cannot be used, in one line; empty where it can."""
    if importlib.util.find_spec("rpy2") is None:
        return "the Python package rpy2 is not installed"
    if not SOURCE.is_file():
        return f"no file {SOURCE}, which is in the project's repository"
    if r_home() is None:
        return "R is not installed (no R on the PATH)"
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE],
        capture_output=True,
        text=True,
        check=False,
        env=_r_environment(),
    )
    if "BGLR found" in probe.stdout:
        return ""
    if "BGLR missing" in probe.stdout:
        return "the R package BGLR is not installed"
    last = (probe.stderr.strip().splitlines() or ["no message"])[-1]
    return f"rpy2 cannot start R: {last}"


def _r_environment() -> dict[str, str]:
    """Environment in which rpy2 starts the right R with the project's library."""
    library = r_library()
    own = {"R_LIBS": str(library)} if library else {}
    return {**os.environ, "R_HOME": r_home() or "", **own}


@functools.cache
def r_home() -> str | None:
    """Home of the R on the PATH, by its own word; an inherited R_HOME is ignored."""
    command = shutil.which("R")
    if command is None:
        return None
    environment = {key: os.environ[key] for key in os.environ if key != "R_HOME"}
    answer = subprocess.run(
        [command, "RHOME"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    return answer.stdout.strip() or None


def r_library() -> Path | None:
    """Library for R packages: ``GRVSNN_RLIB``, or the repository's .rlib if any."""
    folder = Path(os.environ.get("GRVSNN_RLIB") or REPOSITORY / ".rlib")
    return folder if folder.is_dir() else None


def start_r(scratch: str | Path | None = None) -> None:
    """Start R in this process, the R of the PATH with the project's library first.

    Parameters
    ----------
    scratch : path or None
        Folder for R's own temporary folder, in place of the system's.
    """
    home = r_home()
    if home is None:
        raise InputError("R is not installed (no R on the PATH)")
    # a conda shell or another R leaves an R_HOME that rpy2 would believe
    os.environ["R_HOME"] = home
    # rpy2 puts R's folders into LD_LIBRARY_PATH, where child processes would find other
    # libraries than their own
    with _restored("LD_LIBRARY_PATH", "TMPDIR"):
        if scratch:
            os.environ["TMPDIR"] = str(Path(scratch).resolve())
        import rpy2.robjects as ro

    if library := r_library():
        ro.r[".libPaths"](ro.StrVector([str(library), *ro.r[".libPaths"]()]))


@contextmanager
def _restored(*names: str) -> Iterator[None]:
    """Give environment variables back what they were before the block."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


class Bridge:
    """The functions of R/bglr.R, called with numpy arrays.

    Conversions happen in a local context, so that other users of rpy2 in the process
    keep their own rules.

    Parameters
    ----------
    source : path
        The file bglr.R.
    stand_in : path or None
        For tests: an R file whose function `fake_bglr` takes the place of BGLR::BGLR.
    scratch : path or None
        As in `start_r`.
    """

    def __init__(
        self,
        source: Path,
        stand_in: Path | None = None,
        scratch: str | Path | None = None,
    ) -> None:
        start_r(scratch)
        import rpy2.robjects as ro

        self._ro = ro
        self._environment = ro.r["new.env"]()
        ro.r["sys.source"](str(source), envir=self._environment)
        self._fit_fun = ro.NULL
        if stand_in is not None:
            ro.r["sys.source"](str(stand_in), envir=self._environment)
            self._fit_fun = self._environment["fake_bglr"]

    def fit_traits(
        self,
        y: np.ndarray,
        x: np.ndarray,
        groups: Sequence[str],
        settings: Mapping[str, object],
        seeds: Sequence[int],
        scratch: str,
        cores: int,
    ) -> list[dict[str, object]]:
        """Fit every column of y on x; see the R function of this name.

        Returns
        -------
        list of dict
            Per trait: ``y_hat`` (n_rows,), each of `COLUMNS` (n_features,), ``mu``
            and ``traces`` (recorded draws by name).
        """
        ro = self._ro
        from rpy2.robjects import numpy2ri
        from rpy2.robjects.conversion import localconverter

        with localconverter(ro.default_converter + numpy2ri.converter) as convert:
            matrices = [convert.py2rpy(np.asarray(m, dtype=float)) for m in (y, x)]
        with localconverter(ro.default_converter):
            results = self._environment["fit_traits"](
                *matrices,
                ro.StrVector(list(groups)),
                ro.ListVector(dict(settings)),
                ro.IntVector([int(seed) for seed in seeds]),
                scratch,
                cores,
                self._fit_fun,
            )
            return [_plain_result(result) for result in results]

    def versions(self) -> dict[str, str]:
        """Versions of R, of rpy2 and (unless replaced by a stand-in) of BGLR."""
        ro = self._ro
        found = {
            "R": str(ro.r("as.character(getRversion())")[0]),
            "rpy2": version("rpy2"),
        }
        if self._fit_fun is ro.NULL:
            found["BGLR"] = str(ro.r('as.character(packageVersion("BGLR"))')[0])
        return found


def _plain_result(result: object) -> dict[str, object]:
    """One trait's R list as numpy arrays and floats."""
    features = result.rx2("features")
    traces = result.rx2("traces")
    return {
        "y_hat": np.array(result.rx2("y_hat"), dtype=float),
        **{name: np.array(features.rx2(name), dtype=float) for name in COLUMNS},
        "mu": float(result.rx2("mu")[0]),
        "traces": {name: np.array(draws, float) for name, draws in traces.items()},
    }


def fit(
    tasks: Sequence[FoldTask], params: Mapping[str, object], n_threads: int
) -> list[FoldFit]:
    """Fit BGLR in every outer fold.

    Folds are fitted in turn; the traits of a fold run side by side, on `n_threads`
    forked processes, each chain with a seed and a scratch folder of its own.

    Parameters
    ----------
    tasks : sequence of FoldTask
        Outer folds; the task's method names the model.
    params : mapping
        See `Options`, and ``scratch``: a folder of this job's own that chains may write
        to, in place of one in the system's folder of temporary files. Other keys are
        not read.
    n_threads : int
        Chains at a time.

    Returns
    -------
    list of FoldFit
        Selected: features whose credible interval excludes zero. Importance: size of
        the posterior mean. Effects are those of one training standard deviation.
    """
    options = Options.read(params)
    demand_bglr()
    scratch = params.get("scratch")
    with scratch_folder(scratch) if scratch else nullcontext() as folder:
        return fit_with(Bridge(SOURCE, None, folder), tasks, options, n_threads, folder)


def demand_bglr() -> None:
    """Raise an InputError where BGLR cannot run, with the reason and ways out."""
    if reason := availability_reason():
        raise InputError(
            f"backend bglr: {reason}. `make setup` installs R and rpy2;"
            ' install.packages("BGLR") in R installs the package. Or set'
            " backend: native, which needs neither"
        )


def fit_with(
    bridge: Bridge,
    tasks: Sequence[FoldTask],
    options: Options,
    n_threads: int,
    scratch: Path | None = None,
) -> list[FoldFit]:
    """Fit all folds through a bridge; chains keep their files below `scratch`."""
    versions = bridge.versions()
    start = time.perf_counter()
    fits = []
    with TemporaryDirectory(prefix="grvsnn-bglr-", dir=scratch) as folder:
        for done, task in enumerate(tasks, start=1):
            fits.append(_fit_fold(bridge, task, options, folder, n_threads, versions))
            seconds = time.perf_counter() - start
            logger.info(
                "bglr %s repeat %d fold %d: %.0f s, %.0f s to go",
                task.method,
                task.repeat,
                task.fold,
                seconds / done,
                seconds / done * (len(tasks) - done),
            )
    return fits


def _fit_fold(
    bridge: Bridge,
    task: FoldTask,
    options: Options,
    scratch: str,
    n_threads: int,
    versions: Mapping[str, str],
) -> FoldFit:
    start = time.perf_counter()
    X, used, groups = _design(task, options.eta)
    rows = np.concatenate([task.train, task.test])
    Y = task.Y[rows]
    Y[len(task.train) :] = np.nan
    results = bridge.fit_traits(
        Y,
        X[rows],
        groups,
        _r_settings(base_method(task.method), options),
        # R takes 32-bit seeds
        [task.seed_for(trait) % (2**31 - 1) for trait in task.traits],
        scratch,
        max(1, min(n_threads, len(task.traits))),
    )
    columns = {name: _all_features(results, name, used) for name in COLUMNS}
    if base_method(task.method) != "bayescpi":
        del columns["pip"]
    return FoldFit(
        predicted=np.column_stack([r["y_hat"][len(task.train) :] for r in results]),
        importance=normalise_importance(columns["effect"]),
        selected=(columns["lower"] > 0) | (columns["upper"] < 0),
        info={
            "backend": "bglr",
            "version": versions.get("BGLR", "stand-in"),
            "versions": dict(versions),
            "iterations": options.n_iter,
            "seconds": time.perf_counter() - start,
            "variances": {
                trait: _summarise(result)
                for trait, result in zip(task.traits, results, strict=True)
            },
        },
        feature_columns=columns,
    )


def _design(task: FoldTask, eta: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Standardised features that vary in training, which they are, and their terms."""
    X = np.hstack(
        [
            standardise(part, task.scaling_rows)
            for part in (task.genotypes, task.loadings)
        ]
    )
    kinds = np.repeat(["markers", "loadings"], [task.n_markers, task.n_loadings])
    if eta == "joint":
        kinds = np.full(task.n_features, "features")
    used = np.ptp(X[task.train], axis=0) > 0
    if not used.any():
        raise InputError(
            f"{task.dataset}, setting {task.setting}, fold {task.fold}: no feature"
            " varies in the training rows"
        )
    return X[:, used], used, kinds[used].tolist()


def _summarise(result: Mapping[str, object]) -> dict[str, dict[str, float]]:
    """Mean, sd, effective size and split R-hat of the variances, lambda and pi."""
    return {
        name: {
            "mean": float(draws.mean()),
            "sd": float(draws.std(ddof=1)) if len(draws) > 1 else float("nan"),
            "ess": effective_size(draws[None]),
            "rhat": rhat(draws[None]),
        }
        for name, draws in result["traces"].items()
    }


def _r_settings(method: str, options: Options) -> dict[str, object]:
    return {
        "method": method,
        "n_iter": options.n_iter,
        "burn_in": options.burn_in,
        "thin": options.thin,
        "level": options.interval,
    }


def _all_features(
    results: Sequence[Mapping[str, object]], name: str, used: np.ndarray
) -> np.ndarray:
    """Stack a column over traits, shape (n_features, T); constant features get 0."""
    out = np.zeros((len(used), len(results)))
    out[used] = np.column_stack([result[name] for result in results])
    return out
