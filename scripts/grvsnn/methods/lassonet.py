"""LassoNet (Lemhadri et al., 2021), fitted with the authors' package `lassonet`.

A residual network whose skip connection theta decides which features the hidden layers
may use: |W1_j| <= M |theta_j|. A path of growing penalties lambda starts from the dense
network and drops features on its way; lambda and M are chosen by the squared error of
the inner validation rows. One network fits all traits, and missing phenotypes are left
out of its loss.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields

import numpy as np
import optuna
import torch
from lassonet import LassoNetRegressor

from grvsnn.base.errors import InputError
from grvsnn.protocol.fold_task import (
    FoldFit,
    FoldTask,
    normalise_importance,
    standardise,
)

logger = logging.getLogger(__name__)

# torch has one global random stream on the CPU; folds draw their weights in turn
_RANDOM_STREAM = threading.Lock()
# the package's optimiser of the path: SGD with this learning rate
_PATH_LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Options:
    """Settings of the method; names are the config's keys.

    Parameters
    ----------
    hidden_dims : tuple of int
        Widths of the hidden layers.
    M : tuple of float
        Hierarchy coefficients to try, within `M_range`; each costs one path.
    n_trials : int
        Further values of M, proposed by Optuna's TPE on a logarithmic scale.
    M_range : (float, float)
        Bounds of M.
    path_multiplier : float
        Ratio of successive penalties, above 1.
    lambda_start : float or "auto"
        First penalty; "auto" takes `first_penalty`.
    max_lambdas : int
        Longest path.
    path_patience : int
        Penalties without a new best validation error that end the path, counted from
        where the first feature has left.
    n_iters, patience : (int, int)
        Epochs, and epochs without improvement, of the dense network and of each step
        of the path.
    batch_size : int or None
        None takes all rows at once.
    dropout : float
        Dropout of the hidden layers.
    refit : bool
        Walk the chosen path again on all training rows, step for step, or keep the
        network of the inner training rows.
    device : str
        "auto" (CUDA where there is one), or any torch device.
    """

    hidden_dims: tuple[int, ...] = (32, 16)
    M: tuple[float, ...] = (20.0,)
    n_trials: int = 0
    M_range: tuple[float, float] = (10.0, 50.0)
    path_multiplier: float = 1.2
    lambda_start: float | str = "auto"
    max_lambdas: int = 60
    path_patience: int = 5
    n_iters: tuple[int, int] = (20, 30)
    patience: tuple[int, int] = (20, 10)
    batch_size: int | None = None
    dropout: float = 0.0
    refit: bool = True
    device: str = "auto"

    @classmethod
    def read(cls, params: Mapping[str, object]) -> "Options":
        """Check a job's parameters."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(params) - known):
            raise InputError(
                f"lassonet: unknown parameter {', '.join(unknown)}; known are"
                f" {', '.join(sorted(known))}"
            )
        values = dict(params)
        for key in ("hidden_dims", "M", "M_range", "n_iters", "patience"):
            if key in values:
                values[key] = tuple(np.atleast_1d(values[key]).tolist())
        options = cls(**values)
        options._check()
        return options

    def _check(self) -> None:
        rules = {
            "hidden_dims": self.hidden_dims and min(self.hidden_dims) >= 1,
            "M_range": len(self.M_range) == 2 and 0 < self.M_range[0] < self.M_range[1],
            "M": all(self.M_range[0] <= m <= self.M_range[1] for m in self.M),
            "n_trials": self.n_trials >= (0 if self.M else 1),
            # a multiplier of 1 or less never reaches the end of the path
            "path_multiplier": self.path_multiplier > 1.0,
            "lambda_start": self.lambda_start == "auto"
            or (not isinstance(self.lambda_start, str) and self.lambda_start > 0),
            "max_lambdas": self.max_lambdas >= 1,
            "path_patience": self.path_patience >= 1,
            "n_iters": len(self.n_iters) == 2 and min(self.n_iters) >= 1,
            "patience": len(self.patience) == 2 and min(self.patience) >= 1,
            "batch_size": self.batch_size is None or self.batch_size >= 1,
            "dropout": 0.0 <= self.dropout < 1.0,
        }
        for name, holds in rules.items():
            if not holds:
                raise InputError(
                    f"lassonet: {name} = {getattr(self, name)!r} is not possible;"
                    " see config/README.md for the values it may take"
                )

    @property
    def draws_while_training(self) -> bool:
        """Whether epochs use torch's global random stream."""
        return self.batch_size is not None or self.dropout > 0.0


class MaskedMSE(torch.nn.Module):
    """Mean squared error over the observed (not NaN) targets."""

    def forward(self, predicted: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of predictions, both of shape (n_rows, T); 0 where none is observed."""
        observed = torch.isfinite(y)
        residual = torch.where(observed, predicted - torch.nan_to_num(y), 0.0)
        return residual.square().sum() / observed.sum().clamp(min=1)


class MaskedLassoNet(LassoNetRegressor):
    """The package's regressor for targets with gaps."""

    criterion = MaskedMSE()

    def _init_model(self, X: torch.Tensor, y: torch.Tensor) -> None:
        with _RANDOM_STREAM:
            super()._init_model(X, y)


@dataclass(frozen=True, eq=False)
class Best:
    """The network at the best penalty of a path."""

    M: float
    penalty: float
    loss: float
    state: dict[str, torch.Tensor]
    steps: int


class Path:
    """Penalties handed to the package one by one, with an eye on the validation rows.

    The package trains the dense network first, then asks for penalties; it reports
    after each one through its callback.
    """

    def __init__(
        self, X: np.ndarray, Y: np.ndarray, options: Options, label: str
    ) -> None:
        self.X, self.Y = X, Y
        self.options = options
        self.label = label
        self.best: Best | None = None
        self.history: list[dict[str, float]] = []
        self.model: MaskedLassoNet | None = None
        self._started = time.perf_counter()

    def penalties(self) -> Iterator[float]:
        """Geometric sequence that ends when the validation error keeps growing."""
        options = self.options
        start = options.lambda_start
        penalty = first_penalty(self.model, options) if start == "auto" else start
        for _ in range(options.max_lambdas):
            yield penalty
            if self._steps_since_best() >= options.path_patience:
                return
            penalty *= options.path_multiplier

    def _steps_since_best(self) -> int:
        """Count the steps after the best one at which features had left.

        The error may rise for a while before the first feature leaves, without
        telling anything about sparse networks.
        """
        later = self.history[self.best.steps :]
        return sum(step["active"] < self.X.shape[1] for step in later)

    def watch(self, model: MaskedLassoNet, history: Sequence) -> None:
        """Measure the validation error of the last step, and keep the best network."""
        self.model = model
        last = history[-1]
        loss = masked_error(model.predict(self.X), self.Y)
        active = int(last.selected.sum())
        self.history.append(
            {
                "lambda": float(last.lambda_),
                "validation_mse": loss,
                "training_mse": float(last.loss),
                "active": active,
                "epochs": int(last.n_iters),
            }
        )
        if self.best is None or loss < self.best.loss:
            self.best = Best(
                M=float(model.M),
                penalty=float(last.lambda_),
                loss=loss,
                state=model.model.cpu_state_dict(),
                steps=len(self.history),
            )
        logger.info(
            "%s M %.3g step %d: lambda %.4g, %d features, training %.4f,"
            " validation %.4f (best %.4f), %.0f s",
            self.label,
            model.M,
            len(self.history),
            last.lambda_,
            active,
            last.loss,
            loss,
            self.best.loss,
            time.perf_counter() - self._started,
        )


def first_penalty(model: MaskedLassoNet, options: Options) -> float:
    """Penalty at which shrinkage starts to tell on the dense network.

    Feature j leaves when the shrinkage of its skip weights outgrows
    |theta_j| + M sum_k |W1_kj|, and one step of the path shrinks by
    lambda x learning rate x epochs. The path starts where a step takes a twentieth of
    the weakest feature. (The package's own search repeats the proximal step up to
    10,000 times for each of some twenty penalties, minutes for ten thousand markers.)
    """
    with torch.no_grad():
        skip = model.model.skip.weight.norm(dim=0)
        first = model.model.layers[0].weight.abs().sum(dim=0)
        weakest = float((skip + model.M * first).min())
    return 0.05 * weakest / (_PATH_LEARNING_RATE * options.n_iters[1])


def masked_error(predicted: np.ndarray, Y: np.ndarray) -> float:
    """Mean squared error over the observed phenotypes, in double precision."""
    residual = predicted.astype(np.float64) - Y
    return float(np.mean(residual[np.isfinite(Y)] ** 2))


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
    workers = 1 if in_turn else max(1, n_threads)
    with _single_torch_thread(), torch.random.fork_rng(devices=[]):
        # torch keeps its number of threads per calling thread
        with ThreadPoolExecutor(
            workers, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            return list(pool.map(lambda task: _fit_fold(task, options, device), tasks))


def job_params(gpu: int, checkpoint: object) -> dict[str, object]:
    """Keep the fit on the CPU where the job has no GPU."""
    return {"device": "auto" if gpu else "cpu"}


@contextmanager
def _single_torch_thread() -> Iterator[None]:
    previous = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(previous)


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
    """One path for every M of the list, then for each that TPE proposes."""
    paths: list[Path] = []

    def evaluate(trial: optuna.Trial) -> float:
        M = trial.suggest_float("M", *options.M_range, log=True)
        label = f"lassonet repeat {task.repeat} fold {task.fold}"
        path = Path(X[validation], task.Y[validation], options, label)
        _network(task, M, options, device).path(
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


def _network(
    task: FoldTask, M: float, options: Options, device: torch.device
) -> MaskedLassoNet:
    """Set up an untrained network; its weights depend on the fold, not on M."""
    return MaskedLassoNet(
        hidden_dims=options.hidden_dims,
        M=M,
        path_multiplier=options.path_multiplier,
        n_iters=options.n_iters,
        patience=options.patience,
        batch_size=options.batch_size,
        dropout=options.dropout,
        device=device,
        torch_seed=task.seed_for("weights"),
        verbose=0,
    )


def _refit(
    task: FoldTask, X: np.ndarray, path: Path, options: Options, device: torch.device
) -> MaskedLassoNet:
    """Walk a path again on all training rows, step for step, up to its best penalty."""
    steps = path.history[: path.best.steps]
    rows = task.train[np.isfinite(task.Y[task.train]).any(axis=1)]
    model = _network(task, path.best.M, options, device)
    # the epochs are given, so nothing is left to stop early
    model.n_iters_init, model.patience_init, model.patience_path = (
        steps[0]["epochs"],
        None,
        None,
    )

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
        "M": chosen.best.M,
        "lambda": chosen.best.penalty,
        "inner_score": chosen.best.loss,
        "steps": chosen.best.steps,
        "epochs": sum(step["epochs"] for step in chosen.history[: chosen.best.steps]),
        "refit": options.refit,
        "device": str(device),
        "tried": [
            {"M": p.best.M, "lambda": p.best.penalty, "inner_score": p.best.loss}
            for p in paths
        ],
        "path": chosen.history,
    }
