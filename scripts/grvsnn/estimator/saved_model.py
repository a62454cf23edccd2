"""GRVSNNRegressor on disk: safetensors and JSON, nothing that is executed."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from sklearn.utils.validation import check_is_fitted

from grvsnn.base.errors import InputError, in_words
from grvsnn.base.files import atomic_path, write_json
from grvsnn.estimator.regressor import GRVSNNRegressor
from grvsnn.models.network.inputs import Standardiser

FORMAT = "grvsnn-regressor-3"

ARRAYS = (
    "trait_importances_",
    "effects_",
    "_markers",
    "_dense",
    "_fill",
    "_target_mean",
    "_target_sd",
    "_residuals",
    "_member_of_row",
)
FACTS = ("n_features_in_", "best_epochs_", "_one_trait", "traits_")


def save_model(model: GRVSNNRegressor, path: str | Path) -> None:
    """Write a fitted model to ``<path>.safetensors`` and ``<path>.json``."""
    check_is_fitted(model, "trait_importances_")
    arrays = {name: getattr(model, name) for name in ARRAYS}
    arrays |= {f"_standardiser.{k}": v for k, v in vars(model._standardiser).items()}
    for member, network in enumerate(model._networks):
        for name, tensor in network.state_dict().items():
            arrays[f"_networks.{member}.{name}"] = tensor.cpu().numpy()
    contiguous = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
    with atomic_path(f"{path}.safetensors") as scratch:
        save_file(contiguous, scratch)
    write_json(_facts(model), f"{path}.json")


def _facts(model: GRVSNNRegressor) -> dict[str, object]:
    params = model.get_params()
    if params["feature_groups"] is not None:
        params["feature_groups"] = np.asarray(params["feature_groups"]).tolist()
    if not isinstance(model.random_state, int | None):
        params["random_state"] = None
    names = getattr(model, "feature_names_in_", None)
    markers = model.markers_
    return {
        "format": FORMAT,
        "params": params,
        **{name: getattr(model, name) for name in FACTS},
        "feature_names_in_": None if names is None else list(names),
        "markers_": None if markers is None else markers.to_dict("list"),
    }


def load_model(path: str | Path) -> GRVSNNRegressor:
    """Read what `save_model` wrote; nothing in the files is executed."""
    try:
        facts = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
        arrays = load_file(f"{path}.safetensors")
    except (OSError, json.JSONDecodeError, SafetensorError) as error:
        raise InputError(
            f"{path}: cannot read the saved model: {in_words(error)}"
        ) from error
    if facts.get("format") != FORMAT:
        raise InputError(f"{path}.json: not a saved GRVSNNRegressor ({FORMAT})")
    model = GRVSNNRegressor(**facts["params"])
    for name in ARRAYS:
        setattr(model, name, arrays[name])
    for name in FACTS:
        setattr(model, name, facts[name])
    if facts["feature_names_in_"] is not None:
        model.feature_names_in_ = np.array(facts["feature_names_in_"], dtype=object)
    markers = facts["markers_"]
    model.markers_ = None if markers is None else pd.DataFrame(markers)
    parts = (arrays[f"_standardiser.{field.name}"] for field in fields(Standardiser))
    model._standardiser = Standardiser(*parts)
    model._networks = [
        _restore(model, arrays, member) for member in range(len(model.best_epochs_))
    ]
    model._summarise_importance()
    return model


def _restore(
    model: GRVSNNRegressor, arrays: dict[str, np.ndarray], member: int
) -> torch.nn.Module:
    prefix = f"_networks.{member}."
    state = {
        name.removeprefix(prefix): torch.from_numpy(value)
        for name, value in arrays.items()
        if name.startswith(prefix)
    }
    network = model._build_network(len(model._target_mean), seed=0)
    network.load_state_dict(state)
    return network
