"""GRVSNN as a method: tune, fit and interpret the network on each outer fold.

Folds run beside each other in `n_threads` threads, each of them on one thread of torch.
"""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch

from grvsnn.base.errors import InputError
from grvsnn.models.network.build import build_network
from grvsnn.models.network.inputs import Inputs, Standardiser
from grvsnn.models.network.interpretation import (
    SELECTED_FROM,
    Interpretation,
    average,
    curve_columns,
    interpret,
)
from grvsnn.models.network.parts import Architecture
from grvsnn.models.network.threads import one_torch_thread
from grvsnn.models.network.training import (
    History,
    TrainingSettings,
    fit_epochs,
    fit_network,
    predict,
    torch_device,
)
from grvsnn.models.network.tuning import SearchSpace, TuningResult, first_values, tune
from grvsnn.protocol.conformal import holding_member, member_intervals
from grvsnn.protocol.fit_facts import pack_losses
from grvsnn.protocol.fold_task import FoldFit, FoldTask, normalise_importance

logger = logging.getLogger(__name__)

# no keys of their own: the space says what these may be, if only one value
SEARCHED = ("batch_size", "hidden", "learning_rate", "weight_decay", "dropout")


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Everything of a run that is neither network nor optimiser.

    Parameters
    ----------
    n_trials : int
        Hyper-parameter trials per outer fold; 0 takes what the first would try.
    plateau : int
        Stop tuning when the best value has not moved for that many trials.
    members : int
        Networks averaged; member k stops early on the k-th inner split. Where splits
        are fewer they are gone through again, each time from other seeds.
    refit : bool
        Train each member again on all training rows, for as many epochs as its inner
        split asked for, and predict with that network.
    study_folder : str, optional
        Where studies are journalled, so that a killed job resumes; None for memory.
    loading_scale : {"common", "own"}
        Whether loadings are divided by one standard deviation of all, or each by its
        own.
    device : {"auto", "cpu", "cuda"}
        "auto" takes a GPU where there is one.
    """

    n_trials: int = 8
    plateau: int = 30
    members: int = 1
    refit: bool = False
    study_folder: str | None = None
    loading_scale: str = "common"
    device: str = "auto"

    def __post_init__(self):
        for name, least in (("n_trials", 0), ("plateau", 1), ("members", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name}: {getattr(self, name)} is below {least}")
        if self.loading_scale not in ("common", "own"):
            raise InputError(f"loading_scale: {self.loading_scale!r} is not known")
        torch_device(self.device)


@dataclass(frozen=True)
class Recipe:
    """All parameters of the method, checked.

    Parameters
    ----------
    architecture : Architecture
    settings : TrainingSettings
        What the first trial tries, moved into the space.
    space : SearchSpace
    protocol : Protocol
    """

    architecture: Architecture
    settings: TrainingSettings
    space: SearchSpace
    protocol: Protocol

    @classmethod
    def from_params(cls, params: Mapping) -> "Recipe":
        """Build from the config's flat mapping; unknown keys are an InputError."""
        left = dict(params)
        parts = [
            _take(part, left)
            for part in (Architecture, TrainingSettings, SearchSpace, Protocol)
        ]
        if left:
            raise InputError(
                f"grvsnn: unknown parameters {sorted(left)}; see config/README.md"
            )
        return cls(*parts)

    def with_values(self, values: Mapping[str, float]) -> "Recipe":
        """Return a copy with a trial's hyper-parameters."""
        values = dict(values)
        architecture = asdict(self.architecture) | {"hidden": values.pop("hidden")}
        return Recipe(
            Architecture(**architecture),
            TrainingSettings(**(asdict(self.settings) | values)),
            self.space,
            self.protocol,
        )

    def values(self) -> dict[str, float]:
        """Return the hyper-parameters that trials vary, as they stand."""
        return {
            "batch_size": self.settings.batch_size,
            "hidden": self.architecture.hidden,
            "learning_rate": self.settings.learning_rate,
            "weight_decay": self.settings.weight_decay,
            "dropout": self.settings.dropout,
        }


def job_params(gpu: int, checkpoint: Path) -> dict[str, object]:
    """Keep the fit on the CPU where the job has no GPU, and its studies beside it."""
    return {"device": "auto" if gpu else "cpu", "study_folder": str(checkpoint)}


def fit(tasks: Sequence[FoldTask], params: Mapping, n_threads: int) -> list[FoldFit]:
    """Fit GRVSNN to every outer fold.

    Parameters
    ----------
    tasks : sequence of FoldTask
    params : mapping
        Fields of `Architecture`, `TrainingSettings`, `SearchSpace` and `Protocol`.
    n_threads : int
        Folds fitted at a time; results do not depend on it.

    Returns
    -------
    list of FoldFit
    """
    recipe = Recipe.from_params(params)
    with one_torch_thread(n_threads) as pool:
        return list(pool.map(lambda task: fit_fold(task, recipe), tasks))


def fit_fold(task: FoldTask, recipe: Recipe) -> FoldFit:
    """Tune on the first inner split, then fit the members and average them."""
    start = time.perf_counter()
    device = torch_device(recipe.protocol.device)
    genotypes, dense = task.genotypes, task.loadings
    if task.is_fractional:
        # the dense path: a table holds hard calls only
        dense = np.hstack([genotypes, dense])
        genotypes = genotypes[:, :0].astype(np.int8)
    released = recipe.architecture.architecture == "bottleneck"
    common = recipe.protocol.loading_scale == "common" and not released
    standardiser = Standardiser.fit(
        genotypes, dense, task.scaling_rows, n_together=common * task.n_loadings
    )
    inputs = standardiser.apply(genotypes, dense).to(device)
    if released:
        # it has no block for each marker that a table would serve
        inputs = inputs.as_dense()
    else:
        inputs = replace(inputs, n_loadings=task.n_loadings)
    Y = torch.from_numpy(np.array(task.Y, dtype=np.float32)).to(device)

    tuned = _tune_fold(task, recipe, inputs, Y)
    first = first_values(recipe.values(), recipe.space)
    recipe = recipe.with_values(tuned.best if tuned else first)
    train = inputs.take(torch.as_tensor(task.train))
    n_members = recipe.protocol.members
    splits = task.inner_splits[:n_members]
    # what the networks stopped on each split predict, for the intervals
    held_out = np.zeros((len(splits), *task.Y.shape))
    tested = np.zeros((len(splits), len(task.test), len(task.traits)))
    predicted, parts, histories = [], [], []
    for member in range(n_members):
        k, seed = member % len(splits), task.seed_for("member", member)
        rows, validation = splits[k]
        network, history = _train(recipe, inputs, Y, splits[k], seed)
        among = len(range(k, n_members, len(splits)))
        held_out[k, validation] += _predict_rows(network, inputs, validation) / among
        test = _predict_rows(network, inputs, task.test)
        tested[k] += test / among
        if recipe.protocol.refit and len(rows) < len(task.train):
            network = _refit(recipe, inputs, Y, task.train, seed, history.best_epoch)
            test = _predict_rows(network, inputs, task.test)
        predicted.append(test)
        parts.append(interpret(network, train))
        histories.append(history)
    info = _info(recipe, tuned, histories, device, time.perf_counter() - start)
    of_row = holding_member(splits, len(task.Y))
    held_out = held_out[of_row, np.arange(len(task.Y))]
    intervals = member_intervals(tested, held_out, task.Y, of_row)
    return _fold_fit(np.mean(predicted, axis=0), intervals, average(parts), info)


def _predict_rows(network, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    return predict(network, inputs.take(torch.as_tensor(rows))).double().cpu().numpy()


def _tune_fold(
    task: FoldTask, recipe: Recipe, inputs: Inputs, Y: torch.Tensor
) -> TuningResult | None:
    """Search on the first inner split; None for a recipe without trials."""
    protocol = recipe.protocol
    if protocol.n_trials == 0:
        return None

    def objective(values, seed, report):
        trial = recipe.with_values(values)
        history = _train(trial, inputs, Y, task.inner_splits[0], seed, report)[1]
        return history.best_loss, history.stopped

    keys = (task.dataset, task.setting, task.method, task.repeat, task.fold)
    name = "-".join(map(str, keys))
    folder = protocol.study_folder
    return tune(
        objective,
        recipe.space,
        first=recipe.values(),
        n_trials=protocol.n_trials,
        plateau=protocol.plateau,
        seed=task.seed_for("tuning"),
        journal=Path(folder) / f"{name}.journal" if folder else None,
        name=name,
    )


def _train(recipe, inputs, Y, split, seed, on_epoch=None):
    """Train one network on (fit rows, validation rows); return it and its history."""
    network = build_network(
        recipe.architecture, inputs.n_features, Y.shape[1], seed
    ).to(Y.device)
    history = fit_network(network, inputs, Y, *split, recipe.settings, seed, on_epoch)
    return network, history


def _refit(recipe, inputs, Y, rows, seed, n_epochs):
    """Train a network from the same start on all training rows."""
    network = build_network(
        recipe.architecture, inputs.n_features, Y.shape[1], seed
    ).to(Y.device)
    fit_epochs(network, inputs, Y, rows, recipe.settings, seed, n_epochs)
    return network


def _fold_fit(
    predicted: np.ndarray,
    intervals: np.ndarray,
    interpretation: Interpretation,
    info: dict,
) -> FoldFit:
    importance = normalise_importance(interpretation.importance)
    selected_raw = interpretation.selected_raw
    info["raw_threshold_count"] = int(selected_raw.sum())
    return FoldFit(
        predicted=predicted,
        importance=importance,
        selected=importance >= SELECTED_FROM,
        info=info,
        feature_columns={
            "effect": interpretation.effect,
            # the rule does not know traits
            "selected_raw": np.repeat(
                selected_raw[:, None], importance.shape[1], axis=1
            ),
            **curve_columns(interpretation.curves),
        },
        intervals=intervals,
    )


def _info(
    recipe: Recipe,
    tuned: TuningResult | None,
    histories: Sequence[History],
    device: torch.device,
    seconds: float,
) -> dict[str, object]:
    """JSON-able facts of a fold's fit."""
    return {
        "architecture": asdict(recipe.architecture),
        "settings": asdict(recipe.settings),
        "refit": recipe.protocol.refit,
        "inner_score": float(np.mean([h.best_loss for h in histories])),
        "best_epoch": [h.best_epoch for h in histories],
        "epochs": [len(h.losses) for h in histories],
        "histories": [_pack(history) for history in histories],
        "n_trials": tuned.n_trials if tuned else 0,
        "n_pruned": tuned.n_pruned if tuned else 0,
        "trial_losses": list(tuned.losses) if tuned else [],
        "tuning_seconds": tuned.seconds if tuned else 0.0,
        "seconds": seconds,
        "device": str(device),
        "torch": torch.__version__,
    }


def _pack(history: History) -> dict[str, str]:
    """Losses by epoch from 0, the untrained network; it has no training loss yet."""
    return {
        "training": pack_losses((math.nan, *history.training_losses)),
        "validation": pack_losses((history.start_loss, *history.losses)),
    }


def _take(part: type, left: dict) -> object:
    """Build one group of parameters from its keys, removing them from `left`."""
    values = {}
    for field in fields(part):
        if field.name in left and field.name not in SEARCHED:
            value = left.pop(field.name)
            values[field.name] = tuple(value) if isinstance(value, list) else value
    try:
        return part(**values)
    except TypeError as error:
        raise InputError(f"grvsnn: a parameter of the wrong type: {error}") from error
