"""Hyper-parameters by Optuna, on one inner validation split of the training rows."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from grvsnn.base.errors import InputError
from grvsnn.base.seeds import derive_seed
from grvsnn.base.usage import keep_usage

logger = logging.getLogger(__name__)

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
STARTUP_TRIALS = 5
WARMUP_EPOCHS = 25

# (hyper-parameters, seed, report(epoch, loss) -> stop?) -> (loss, stopped?)
Objective = Callable[[Mapping, int, Callable[[int, float], bool]], tuple[float, bool]]


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """Ranges that trials are drawn from; one value alone is not searched.

    Parameters
    ----------
    batch_sizes, hidden_sizes : sequence of int
        Choices.
    learning_rates, weight_decays : (float, float)
        Range on the logarithmic scale.
    dropouts : (float, float)
        Range.
    """

    batch_sizes: tuple[int, ...] = (64, 128, 256, 512)
    learning_rates: tuple[float, ...] = (1e-5, 1e-3)
    dropouts: tuple[float, ...] = (0.1, 0.5)
    weight_decays: tuple[float, ...] = (1e-4, 1.0)
    hidden_sizes: tuple[int, ...] = (4,)

    def __post_init__(self):
        for name in ("batch_sizes", "hidden_sizes"):
            values = getattr(self, name)
            if not values or any(int(v) != v or v < 1 for v in values):
                raise InputError(f"{name}: {list(values)} must be positive integers")
        for name in ("learning_rates", "weight_decays"):
            self._check_range(name, low=1e-12, high=float("inf"))
        self._check_range("dropouts", low=0.0, high=0.99)

    def _check_range(self, name: str, low: float, high: float) -> None:
        values = getattr(self, name)
        ordered = len(values) in (1, 2) and low <= values[0] <= values[-1] <= high
        if not ordered:
            raise InputError(
                f"{name}: {list(values)} must be one value, or a range [low, high] "
                f"within {low:g} and {high:g}"
            )

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return Optuna's distribution of each hyper-parameter."""
        return {
            "batch_size": CategoricalDistribution(tuple(map(int, self.batch_sizes))),
            "hidden": CategoricalDistribution(tuple(map(int, self.hidden_sizes))),
            "learning_rate": _float(self.learning_rates, log=True),
            "weight_decay": _float(self.weight_decays, log=True),
            "dropout": _float(self.dropouts, log=False),
        }


@dataclass(frozen=True)
class TuningResult:
    """Outcome of a study.

    Parameters
    ----------
    best : mapping
        Hyper-parameters of the trial with the lowest validation loss.
    loss : float
        Its validation loss.
    n_trials, n_pruned : int
        Finished trials, and how many of them were stopped early.
    seconds : float
        Wall-clock time of this call; trials from an earlier one are not counted.
    """

    best: Mapping[str, float]
    loss: float
    n_trials: int
    n_pruned: int
    seconds: float
    losses: tuple[float, ...] = field(repr=False)


def tune(
    objective: Objective,
    space: SearchSpace,
    first: Mapping[str, float],
    n_trials: int,
    plateau: int,
    seed: int,
    journal: Path | None = None,
    name: str = "study",
) -> TuningResult:
    """Search with TPE; median pruning; stop at a plateau.

    Trial k draws from a sampler seeded by (`seed`, k) and from the trials before it, so
    a study that was killed resumes exactly as if it had not been.

    Parameters
    ----------
    objective : callable
        Trains once: ``objective(hyper-parameters, seed, report)`` returns the
        validation loss and whether ``report(epoch, loss)`` asked to stop.
    space : SearchSpace
    first : mapping
        Hyper-parameters of the first trial; those outside the space are moved into it.
    n_trials : int
        Finished trials in all, those found in the journal included.
    plateau : int
        Stop when the best value has not moved for that many trials.
    seed : int
    journal : Path, optional
        File that keeps the study; None keeps it in memory.
    name : str
        The study's name within the journal.

    Returns
    -------
    TuningResult
    """
    start = time.perf_counter()
    study = _open_study(name, journal)
    distributions = space.distributions()
    while not _done(study, n_trials, plateau):
        k = len(study.get_trials(deepcopy=False, states=FINISHED))
        study.sampler = optuna.samplers.TPESampler(
            seed=derive_seed(seed, "sampler", k) % 2**32,
            n_startup_trials=STARTUP_TRIALS,
        )
        if k == 0:
            study.enqueue_trial(first_values(first, space))
        _run_trial(study, distributions, objective, derive_seed(seed, "trial", k))
        if journal is not None:
            keep_usage(journal.parent)
        _log_progress(study, k + 1, n_trials, time.perf_counter() - start)
    finished = study.get_trials(deepcopy=False, states=FINISHED)
    best = _best_trial(finished)
    return TuningResult(
        best=dict(best.params),
        loss=best.value,
        n_trials=len(finished),
        n_pruned=sum(trial.state == TrialState.PRUNED for trial in finished),
        seconds=time.perf_counter() - start,
        losses=tuple(trial.value for trial in finished),
    )


def _open_study(name: str, journal: Path | None) -> optuna.Study:
    """Create the study or take it up; trials that a kill left running are failed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = None
    if journal is not None:
        journal.parent.mkdir(parents=True, exist_ok=True)
        backend = optuna.storages.journal.JournalFileBackend(str(journal))
        storage = optuna.storages.JournalStorage(backend)
    pruner = optuna.pruners.MedianPruner(
        n_startup_trials=STARTUP_TRIALS - 1, n_warmup_steps=WARMUP_EPOCHS
    )
    study = optuna.create_study(
        study_name=name, storage=storage, pruner=pruner, load_if_exists=True
    )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def _run_trial(study, distributions, objective: Objective, seed: int) -> None:
    trial = study.ask(distributions)

    def report(epoch: int, loss: float) -> bool:
        trial.report(loss, epoch)
        return trial.should_prune()

    loss, stopped = objective(trial.params, seed, report)
    if stopped:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, loss)


def _done(study: optuna.Study, n_trials: int, plateau: int) -> bool:
    """Whether enough trials have finished, or the best is `plateau` trials old."""
    finished = study.get_trials(deepcopy=False, states=FINISHED)
    if len(finished) >= n_trials:
        return True
    if not finished:
        return False
    return len(finished) - 1 - finished.index(_best_trial(finished)) >= plateau


def _best_trial(finished: list[FrozenTrial]) -> FrozenTrial:
    """Lowest loss among the trials that ran to their end; there always is one."""
    complete = [trial for trial in finished if trial.state == TrialState.COMPLETE]
    return min(complete, key=lambda trial: trial.value)


def _float(values: tuple[float, ...], log: bool) -> FloatDistribution:
    return FloatDistribution(float(values[0]), float(values[-1]), log=log)


def first_values(start: Mapping[str, float], space: SearchSpace) -> dict[str, float]:
    """Move each value into its range, or to the nearest choice."""
    inside = {}
    for name, distribution in space.distributions().items():
        value = start[name]
        if isinstance(distribution, CategoricalDistribution):
            inside[name] = min(distribution.choices, key=lambda c: abs(c - value))
        else:
            inside[name] = min(max(value, distribution.low), distribution.high)
    return inside


def _log_progress(study, done: int, n_trials: int, seconds: float) -> None:
    logger.info(
        "%s: trial %d of %d, best validation loss %.4f, %.0f s so far",
        *(study.study_name, done, n_trials, study.best_value, seconds),
    )
