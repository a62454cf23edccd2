"""LassoNet (Lemhadri et al., 2021), fitted with the authors' package `lassonet`.

A residual network whose skip connection theta decides which features the hidden layers
may use: |W1_j| <= M |theta_j|. A path of growing penalties lambda starts from the dense
network and drops features on its way; lambda and M are chosen by the squared error of
the inner validation rows. One network fits all traits, and missing phenotypes are left
out of its loss.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import optuna
import torch

from grvsnn.base.errors import InputError
from grvsnn.models.lassonet.path import Path
from grvsnn.models.lassonet.recipe import Options, Setting
from grvsnn.models.lassonet.regressor import MaskedLassoNet, make_regressor
from grvsnn.models.network.threads import one_torch_thread
from grvsnn.protocol.fold_task import (
    FoldFit,
    FoldTask,
    normalise_importance,
    standardise,
)

logger = logging.getLogger(__name__)


def fit(
    tasks: Sequence[FoldTask], params: Mapping[str, object], n_threads: int
) -> list[FoldFit]:
    """Fit LassoNet in every outer fold.

    Torch runs on one thread, since its sums change with the number of threads; folds
    run side by side instead (in turn with mini-batches or dropout, whose draws come
    from torch's one global stream, and on a GPU).

    Parameters
    ----------
    tasks : sequence of FoldTask
        Outer folds.
    params : mapping
        See `Options`.
    n_threads : int
        Folds fitted at a time.

    Returns
    -------
    list of FoldFit
        Selected: features with a non-zero skip connection at the chosen penalty, the
        same for all traits. Importance: size of a trait's skip weight, which bounds all
        that the network may make of the feature. ``lambda_out`` is the penalty at which
        the feature left the path, the package's own importance; NaN if it never did.
    """
    options = Options.read(params)
    device = _device(options.device)
    in_turn = options.draws_while_training or device.type != "cpu"
    workers = 1 if in_turn else n_threads
    with one_torch_thread(workers) as pool, torch.random.fork_rng(devices=[]):
        return list(pool.map(lambda task: _fit_fold(task, options, device), tasks))


def job_params(gpu: int, checkpoint: object) -> dict[str, object]:
    """Keep the fit on the CPU where the job has no GPU."""
    return {"device": "auto" if gpu else "cpu"}


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        # an empty tensor finds out whether the device is really there
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"lassonet: no device {name!r} here ({error})") from error


def _fit_fold(task: FoldTask, options: Options, device: torch.device) -> FoldFit:
    start = time.perf_counter()
    X = standardise(task.genotypes, task.scaling_rows, np.float32)
    X = np.hstack([X, standardise(task.loadings, task.scaling_rows, np.float32)])
    inner, validation = _inner_rows(task)
    paths = _search(task, X, inner, validation, options, device)
    path = min(paths, key=lambda path: path.best.loss)
    if options.refit:
        model = _refit(task, X, path, options, device)
    else:
        model = path.model.load(path.best.state)
    skip = model.model.skip.weight.detach().cpu().numpy().T.astype(np.float64)
    kept = skip.any(axis=1, keepdims=True)
    facts = _describe(paths, path, options, device)
    return FoldFit(
        predicted=model.predict(X[task.test]).astype(np.float64),
        importance=normalise_importance(skip),
        selected=np.repeat(kept, skip.shape[1], axis=1),
        info={"seconds": time.perf_counter() - start, **facts},
        feature_columns={
            "effect": skip,
            "lambda_out": _penalty_out(path, skip.shape[1]),
        },
    )


def _inner_rows(task: FoldTask) -> tuple[np.ndarray, np.ndarray]:
    """First inner split, as far as phenotypes were observed."""
    if not task.inner_splits:
        raise InputError(f"{task.dataset}: lassonet needs inner validation rows")
    observed = np.isfinite(task.Y).any(axis=1)
    inner, validation = (rows[observed[rows]] for rows in task.inner_splits[0])
    if len(inner) < 2 or len(validation) < 2:
        raise InputError(
            f"{task.dataset}, fold {task.fold}: lassonet needs phenotypes in the inner"
            f" training and validation rows, found {len(inner)} and {len(validation)}"
        )
    return inner, validation


def _search(
    task: FoldTask,
    X: np.ndarray,
    inner: np.ndarray,
    validation: np.ndarray,
    options: Options,
    device: torch.device,
) -> list[Path]:
    """One path for every M of the list, then for each setting that TPE proposes."""
    paths: list[Path] = []

    def evaluate(trial: optuna.Trial) -> float:
        setting = _propose(trial, options)
        label = f"lassonet repeat {task.repeat} fold {task.fold}"
        path = Path(X[validation], task.Y[validation], options, setting, label)
        _regressor(task, setting, options, device).path(
            X[inner],
            task.Y[inner],
            X_val=path.X,
            y_val=path.Y,
            lambda_seq=path.penalties(),
            callback=path.watch,
            disable_lambda_warning=True,
        )
        paths.append(path)
        return path.best.loss

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seed = task.seed_for("tuning") % 2**32
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    for M in options.M:
        study.enqueue_trial({"M": M})
    study.optimize(evaluate, n_trials=len(options.M) + options.n_trials)
    return paths


def _propose(trial: optuna.Trial, options: Options) -> Setting:
    """Draw a setting; what there is one value of is not searched."""
    hidden_dims, sizes = options.hidden_dims, options.batch_sizes
    M = trial.suggest_float("M", *options.M_range, log=True)
    if options.widths:
        width = trial.suggest_categorical("width", options.widths)
        hidden_dims = (width, *hidden_dims[1:])
    batch_size = sizes[0] if sizes else None
    if len(sizes) > 1:
        batch_size = trial.suggest_categorical("batch_size", sizes)
    return Setting(M, hidden_dims, batch_size)


def _regressor(
    task: FoldTask, setting: Setting, options: Options, device: torch.device
) -> MaskedLassoNet:
    return make_regressor(options, setting, task.seed_for("weights"), device)


def _refit(
    task: FoldTask, X: np.ndarray, path: Path, options: Options, device: torch.device
) -> MaskedLassoNet:
    """Walk a path again on all training rows, step for step, up to its best penalty."""
    steps = path.history[: path.best.steps]
    rows = task.train[np.isfinite(task.Y[task.train]).any(axis=1)]
    model = _regressor(task, path.best.setting, options, device)
    # the epochs are given, so nothing is left to stop early or to go back to
    model.n_iters_init, model.patience_init, model.patience_path = (
        steps[0]["epochs"],
        None,
        None,
    )
    model.backtrack = False

    def penalties() -> Iterator[float]:
        for step in steps[1:]:
            model.n_iters_path = step["epochs"]
            yield step["lambda"]

    model.path(
        X[rows],
        task.Y[rows],
        X_val=path.X,
        y_val=path.Y,
        lambda_seq=penalties() if steps[1:] else [],
        disable_lambda_warning=True,
    )
    return model


def _penalty_out(path: Path, n_traits: int) -> np.ndarray:
    """Penalty at which each feature left the path; NaN for those that never did."""
    importances = path.model.feature_importances_.numpy().astype(np.float64)
    importances[np.isinf(importances)] = np.nan
    return np.repeat(importances[:, None], n_traits, axis=1)


def _describe(
    paths: Sequence[Path], chosen: Path, options: Options, device: torch.device
) -> dict[str, object]:
    """JSON-able facts of a fold."""
    return {
        "M": float(chosen.best.setting.M),
        "hidden_dims": list(chosen.best.setting.hidden_dims),
        "batch_size": chosen.best.setting.batch_size,
        "lambda": chosen.best.penalty,
        "inner_score": chosen.best.loss,
        "steps": chosen.best.steps,
        "epochs": sum(step["epochs"] for step in chosen.history[: chosen.best.steps]),
        "refit": options.refit,
        "device": str(device),
        "tried": [
            {
                "M": float(p.setting.M),
                "lambda": p.best.penalty,
                "inner_score": p.best.loss,
            }
            for p in paths
        ],
        "path": chosen.history,
    }
