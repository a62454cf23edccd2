"""Simulated populations in the shape of a real dataset, or through its pedigree."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from grvsnn.datasets.pig import read_pig_pedigree, read_pig_phenotypes
from grvsnn.datasets.pine import read_pine_dosages, read_pine_pedigree
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.simulation.parameters import SimulationParams

STRUCTURE = {
    # 169 full-sib families of 10.7 mice
    "mouse": {
        "n_chromosomes": 20,
        "n_generations": 1,
        "n_genotyped_generations": 1,
        "n_sires": 169,
        "dams_per_sire": 1,
        "litter_size": 11,
        "missing_genotypes": 0.0,
        "missing_phenotypes": 0.0,
    },
    # 70 crosses of 13.5 trees, 2,034 trees in the pedigree; 3.8 % of the calls missing
    "pine": {
        "n_chromosomes": 12,
        "n_generations": 2,
        "n_genotyped_generations": 1,
        "n_animals": 2034,
        "n_sires": 35,
        "dams_per_sire": 2,
        "litter_size": 14,
        "sex_effect": 0.0,
        "missing_genotypes": 0.038,
        "missing_phenotypes": 0.0,
    },
    # small families over many generations, 6,473 pigs in the pedigree
    "pig": {
        "n_chromosomes": 18,
        "n_generations": 12,
        "n_genotyped_generations": 5,
        "n_animals": 6473,
        "n_sires": 90,
        "dams_per_sire": 3,
        "litter_size": 2,
        "missing_genotypes": 0.0,
        "missing_phenotypes": 0.0,
    },
}
"""Settings of a simulation by the format of the dataset that it is to be like."""


def shape_params(simulation: Mapping, liked: Mapping | None) -> SimulationParams:
    """Fill the settings of a simulation up with the shape of the dataset it is like.

    Parameters
    ----------
    simulation : mapping
        Section ``simulation`` of a registry entry; its own settings come first.
    liked : mapping or None
        Registry entry of the dataset named by ``like``: its sizes are taken, and the
        breeding structure of its format.
    """
    own = {k: v for k, v in simulation.items() if k not in ("like", "pedigree")}
    if not liked:
        return SimulationParams.from_mapping(own)
    shape = {"n_snps": liked["markers"], "n_traits": len(liked["traits"])}
    structure = STRUCTURE.get(liked["format"], {})
    if simulation.get("pedigree") != "real":
        shape["n_genotyped"] = liked["samples"]
    return SimulationParams.from_mapping({**structure, **shape, **own})


def read_relatives(
    liked: Mapping, files: Mapping[str, str | Path]
) -> tuple[Pedigree, np.ndarray]:
    """Read a real pedigree and the names of the animals that are to have genotypes.

    Parameters
    ----------
    liked : mapping
        Registry entry of format pine or pig.
    files : mapping
        Raw files by role (`grvsnn.run.config_check.PEDIGREE_ROLES`): of pine the
        pedigree and the genotypes, whose trees are taken; of pig the pedigree and the
        phenotypes, whose complete records are.

    Returns
    -------
    pedigree : Pedigree
    genotyped : ndarray of str, shape (n_genotyped,)
    """
    path = files["pedigree"]
    if liked["format"] == "pig":
        frame = read_pig_pedigree(path)
        records = read_pig_phenotypes(files["phenotypes"], liked["traits"])
        genotyped = records.dropna()["sample_id"].to_numpy(str)
    else:
        frame = read_pine_pedigree(path)
        genotyped = read_pine_dosages(files["genotypes"])[0]
    both_sexes = liked["loadings"].get("both_sexes", False)
    pedigree = Pedigree.from_frame(frame, both_sexes=both_sexes, source=str(path))
    return pedigree, genotyped
