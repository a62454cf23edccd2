"""GRVSNN as a scikit-learn regressor."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import torch
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from grvsnn.base.errors import InputError
from grvsnn.base.seeds import derive_seed
from grvsnn.models.network.build import build_network
from grvsnn.models.network.inputs import Inputs, Standardiser
from grvsnn.models.network.interpretation import SELECTED_FROM, average, interpret
from grvsnn.models.network.parts import Architecture
from grvsnn.models.network.training import (
    TrainingSettings,
    fit_network,
    predict,
    torch_device,
)
from grvsnn.protocol.conformal import COVERAGE, trait_intervals
from grvsnn.protocol.fold_task import normalise_importance


class GRVSNNRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Gated residual variable selection network for one or several traits.

    Columns of X that hold nothing but dosages 0, 1, 2 (and gaps) take the fast table
    path, all others the dense one. Columns and traits are standardised inside; gaps in
    X take the training mean, gaps in Y are left out of the loss.

    Parameters
    ----------
    architecture, hidden, gate, selection, f2, gate_bias, gain
        See `grvsnn.models.network.parts.Architecture`.
    batch_size, learning_rate, weight_decay, dropout, max_epochs, patience, optimiser
        See `grvsnn.models.network.training.TrainingSettings`.
    validation_fraction : float
        Share of the rows that each member stops early on.
    members : int
        Networks averaged, each with validation rows of its own; at most
        1 / validation_fraction of them.
    feature_groups : array-like of shape (n_features,), optional
        A label for each column (e.g. "marker", "loading"), for `group_importances_`.
    device : {"auto", "cpu", "cuda"}
        "auto" takes a GPU where there is one.
    random_state : int, RandomState or None
        Seed of starting weights, validation rows, batches and dropout.

    Attributes
    ----------
    feature_importances_ : ndarray of float, shape (n_features,)
        Mean over traits of `trait_importances_`.
    trait_importances_ : ndarray of float, shape (n_features, n_traits)
        Mean absolute contribution |W_ti z'_i| over the training rows; each trait's
        largest is 1.
    effects_ : ndarray of float, shape (n_features, n_traits)
        Slope of each contribution on the standardised feature, in units of Y.
    group_importances_ : dict of str to float
        Each group's share of the importance; only with `feature_groups`.
    best_epochs_ : list of int
        Epoch at which each member was kept.
    markers_, traits_ : DataFrame and list of str, or None
        What `grvsnn.estimator.new_animals.fit_from_bed` fitted: columns snp, a1, a2 and
        mean (dosage of a1), and the names of the traits.

    Examples
    --------
    >>> import numpy as np
    >>> from grvsnn.estimator.regressor import GRVSNNRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.integers(0, 3, (300, 50)).astype(np.int8)
    >>> y = X[:, 3] - X[:, 7] + rng.normal(size=300)
    >>> model = GRVSNNRegressor(learning_rate=1e-3, random_state=0).fit(X, y)
    >>> sorted(np.argsort(model.feature_importances_)[-2:].tolist())
    [3, 7]
    """

    def __init__(
        self,
        *,
        architecture: str = "feature",
        hidden: int = 4,
        gate: str = "hard_sigmoid",
        selection: str = "softmax",
        f2: str = "linear",
        gate_bias: float = -2.0,
        gain: float = 0.1,
        batch_size: int = 128,
        learning_rate: float = 1e-4,
        weight_decay: float = 1e-2,
        dropout: float = 0.2,
        max_epochs: int = 200,
        patience: int = 25,
        optimiser: str = "adamw",
        validation_fraction: float = 0.2,
        members: int = 1,
        feature_groups: Sequence | None = None,
        device: str = "auto",
        random_state=None,
    ):
        self.architecture = architecture
        self.hidden = hidden
        self.gate = gate
        self.selection = selection
        self.f2 = f2
        self.gate_bias = gate_bias
        self.gain = gain
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.patience = patience
        self.optimiser = optimiser
        self.validation_fraction = validation_fraction
        self.members = members
        self.feature_groups = feature_groups
        self.device = device
        self.random_state = random_state

    def __sklearn_tags__(self):
        """Say that gaps in X are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X, y) -> "GRVSNNRegressor":
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            int8 or float; NaN where a call is missing.
        y : array-like of shape (n_samples,) or (n_samples, n_traits)
            NaN where a phenotype is missing.
        """
        settings = _part(TrainingSettings, self)
        X = validate_data(self, X, ensure_all_finite="allow-nan", ensure_min_samples=2)
        Y = self._check_targets(X, y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        splits = self._splits(len(X), derive_seed(seed, "split"))
        device = torch_device(self.device)

        self._learn_columns(X)
        inputs = self._inputs(X).to(device)
        scaled = (Y - self._target_mean) / self._target_sd
        scaled = torch.from_numpy(scaled.astype(np.float32)).to(device)
        self._networks, self.best_epochs_, parts, held_out = [], [], [], []
        for member, split in enumerate(splits):
            start = derive_seed(seed, "member", member)
            network = self._build_network(Y.shape[1], start).to(device)
            history = fit_network(network, inputs, scaled, *split, settings, start)
            self._networks.append(network)
            self.best_epochs_.append(history.best_epoch)
            parts.append(interpret(network, inputs))
            held_out.append(_predicted(network, inputs.take(torch.tensor(split[1]))))
        self._keep_residuals(Y, splits, held_out)
        self._keep_interpretation(average(parts))
        self.markers_ = self.traits_ = None
        return self

    def predict(self, X) -> np.ndarray:
        """Predict the traits of new rows, in the units of the training y.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of float, shape (n_samples,) or (n_samples, n_traits)
            As y was given.
        """
        Y = self._predict_members(X).mean(axis=0)
        return Y[:, 0] if self._one_trait else Y

    def predict_interval(self, X, coverage: float = COVERAGE) -> np.ndarray:
        """Bound the phenotypes of new rows (not their genetic values).

        CV+ intervals (`grvsnn.protocol.conformal`) from the residuals of the rows that
        each member stopped early on; split conformal with one member. For new animals
        that are exchangeable with the training animals, and slightly narrow, since the
        same rows stop the training; with ``members=5`` and ``validation_fraction=0.2``
        every training row calibrates.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        coverage : float
            Share of new phenotypes to cover, within [0.5, 1).

        Returns
        -------
        ndarray of float, shape (n_samples, 2) or (n_samples, n_traits, 2)
            Lower and upper bound in units of y; infinite where the calibration rows
            are too few.
        """
        bounds = trait_intervals(
            self._predict_members(X), self._residuals, self._member_of_row, coverage
        )
        return bounds[:, 0] if self._one_trait else bounds

    def get_support(
        self, indices: bool = False, trait: int | None = None
    ) -> np.ndarray:
        """Select the features of at least 0.05 of the trait's largest importance.

        Parameters
        ----------
        indices : bool
            Whether to return column numbers rather than a mask.
        trait : int, optional
            Column of y; None for features selected for any trait.
        """
        check_is_fitted(self, "trait_importances_")
        selected = self.trait_importances_ >= SELECTED_FROM
        mask = selected.any(1) if trait is None else selected[:, trait]
        return np.flatnonzero(mask) if indices else mask

    def _build_network(self, n_traits: int, seed: int) -> torch.nn.Module:
        architecture = _part(Architecture, self)
        return build_network(architecture, self.n_features_in_, n_traits, seed)

    def _predict_members(self, X) -> np.ndarray:
        """Traits as each member predicts them, shape (K, n, T), in units of y."""
        check_is_fitted(self, "trait_importances_")
        X = validate_data(self, X, ensure_all_finite="allow-nan", reset=False)
        device = torch_device(self.device)
        inputs = self._inputs(X).to(device)
        parts = [_predicted(net.to(device), inputs) for net in self._networks]
        return np.stack(parts) * self._target_sd + self._target_mean

    def _check_targets(self, X: np.ndarray, y) -> np.ndarray:
        """Return Y as floats (n, T) and keep its moments."""
        if y is None:
            raise ValueError(
                "requires y to be passed, but the target y is None: GRVSNNRegressor "
                "is supervised"
            )
        Y = check_array(
            y,
            dtype=np.float64,
            ensure_2d=False,
            ensure_all_finite="allow-nan",
            input_name="y",
        )
        check_consistent_length(X, Y)
        self._one_trait = Y.ndim == 1
        Y = Y.reshape(len(Y), -1)
        if np.isnan(Y).all(axis=0).any():
            raise InputError("y: a trait has no observed value")
        self._target_mean = np.nanmean(Y, axis=0)
        sd = np.nanstd(Y, axis=0)
        self._target_sd = np.where(sd > 0, sd, 1.0)
        return Y

    def _splits(self, n: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """(fit rows, validation rows) of each member."""
        fraction = self.validation_fraction
        if not 0 < fraction <= 0.5:
            raise InputError(f"validation_fraction: {fraction} is not within (0, 0.5]")
        n_parts = min(round(1 / fraction), n)
        if not 1 <= self.members <= n_parts:
            raise InputError(f"members: {self.members} is not within 1 and {n_parts}")
        order = np.random.default_rng(seed).permutation(n)
        parts = np.array_split(order, n_parts)
        return [
            (np.sort(np.setdiff1d(order, part)), np.sort(part))
            for part in parts[: self.members]
        ]

    def _learn_columns(self, X: np.ndarray) -> None:
        """Keep which columns are dosages, their fill values and moments."""
        dosage = _are_dosages(X)
        self._markers, self._dense = np.flatnonzero(dosage), np.flatnonzero(~dosage)
        with np.errstate(invalid="ignore", divide="ignore"):
            count = (~np.isnan(X)).sum(axis=0)
            self._fill = np.nansum(X, axis=0, dtype=float) / np.maximum(count, 1)
        genotypes, dense = self._split_columns(X)
        self._standardiser = Standardiser.fit(genotypes, dense, np.arange(len(X)))

    def _split_columns(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Dosages (n, M) with gaps at the rounded mean; other columns at the mean."""
        genotypes, dense = X[:, self._markers], X[:, self._dense].astype(float)
        if genotypes.dtype.kind == "f":
            rounded = np.rint(self._fill[self._markers])
            genotypes = np.where(np.isnan(genotypes), rounded, genotypes)
        dense = np.where(np.isnan(dense), self._fill[self._dense], dense)
        return genotypes.astype(np.int8), dense

    def _inputs(self, X: np.ndarray) -> Inputs:
        """Standardise rows; new fractional dosages send all columns the dense way."""
        if _are_dosages(X[:, self._markers]).all():
            return self._standardiser.apply(*self._split_columns(X))
        order = np.concatenate([self._markers, self._dense])
        filled = np.where(np.isnan(X), self._fill, X)[:, order]
        levels = self._standardiser.levels
        scale = np.concatenate([levels[1] - levels[0], self._standardiser.scale])
        offset = np.concatenate(
            [levels[0], -self._standardiser.mean * self._standardiser.scale]
        )
        values = filled * scale + offset
        dense = values[:, len(self._markers) :]
        np.clip(dense, self._standardiser.lowest, self._standardiser.highest, out=dense)
        return Inputs(
            torch.zeros(len(X), 0, dtype=torch.int8),
            torch.zeros(3, 0),
            torch.from_numpy(values.astype(np.float32)),
        )

    def _keep_residuals(self, Y: np.ndarray, splits, held_out) -> None:
        """Residuals (n_cal, T) of validation rows in units of y, and whose they are."""
        rows = np.concatenate([validation for _, validation in splits])
        predicted = np.concatenate(held_out) * self._target_sd + self._target_mean
        self._residuals = Y[rows] - predicted
        self._member_of_row = np.repeat(
            np.arange(len(splits)), [len(validation) for _, validation in splits]
        )

    def _keep_interpretation(self, found) -> None:
        """Put importance and effects into the columns' original order."""
        order = np.concatenate([self._markers, self._dense])
        self.trait_importances_ = np.empty_like(found.importance)
        self.trait_importances_[order] = normalise_importance(found.importance)
        self.effects_ = np.empty_like(found.effect)
        self.effects_[order] = found.effect * self._target_sd
        self._summarise_importance()

    def _summarise_importance(self) -> None:
        self.feature_importances_ = self.trait_importances_.mean(axis=1)
        if self.feature_groups is None:
            return
        labels = np.asarray(self.feature_groups).astype(str)
        if labels.shape != (self.n_features_in_,):
            raise InputError(
                f"feature_groups: {labels.shape} is not ({self.n_features_in_},)"
            )
        total = self.feature_importances_.sum() or 1.0
        self.group_importances_ = {
            str(label): float(self.feature_importances_[labels == label].sum() / total)
            for label in np.unique(labels)
        }


def _part(part: type, model: GRVSNNRegressor) -> object:
    """Build one group of parameters from the estimator's attributes.

    It knows no loadings, and so has none of their parameters.
    """
    names = (field.name for field in fields(part) if hasattr(model, field.name))
    return part(**{name: getattr(model, name) for name in names})


def _predicted(network: torch.nn.Module, inputs: Inputs) -> np.ndarray:
    """Standardised traits as one member predicts them, shape (n, T)."""
    return predict(network, inputs).double().cpu().numpy()


def _are_dosages(X: np.ndarray) -> np.ndarray:
    """Which columns hold nothing but 0, 1, 2 and NaN."""
    return ((X == 0) | (X == 1) | (X == 2) | np.isnan(X)).all(axis=0)
