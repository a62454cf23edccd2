"""Agreement with posterior summaries of the R package BGLR 1.1.5 on mouse data."""

import os
from pathlib import Path

import pytest
from grvsnn.models.gibbs.validate import compare_p200, compare_p2070, load_reference

pytestmark = [pytest.mark.reference, pytest.mark.mirror, pytest.mark.slow]


@pytest.fixture(scope="module")
def reference(mirror):
    folder = os.environ.get("GRVSNN_GIBBS_REFERENCE")
    if not folder:
        pytest.skip("GRVSNN_GIBBS_REFERENCE is not set: no BGLR summaries to compare")
    return load_reference(Path(folder), mirror)


@pytest.mark.parametrize("name", ["BRR", "BL", "BayesC"])
def test_two_hundred_markers_agree(reference, name):
    """Effects correlate >= 0.999; variances within 3 Monte Carlo standard errors."""
    for entry in compare_p200(reference, name):
        if entry["quantity"] == "mean of effects":
            assert entry["correlation"] >= 0.999
        if "z" in entry:
            assert abs(entry["z"]) <= 3, entry


@pytest.mark.parametrize("name", ["BRR", "BL", "BayesC"])
@pytest.mark.parametrize("two_terms", [False, True])
def test_predictions_agree_as_well_as_two_seeds_of_bglr(reference, name, two_terms):
    """Test predictions correlate as BGLR's seeds do with each other, minus 0.002.

    Variances lie within 3 Monte Carlo standard errors of BGLR's short chains or, where
    there is no need for chains, of the exact posterior.
    """
    predictions, *variances = compare_p2070(reference, name, two_terms)
    assert predictions["correlation"] >= predictions["between_bglr_seeds"] - 0.002
    for entry in variances:
        assert abs(entry.get("z_exact", entry["z"])) <= 3, entry
