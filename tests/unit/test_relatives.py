"""The layer of relatives: its threshold, its limits, and whom it finds."""

import numpy as np
import pytest
from grvsnn.models.mixed.kernels import marker_products
from grvsnn.models.plus.relatives_layer import cosines, relatives_factor, threshold
from scipy.special import expit
from toy_tasks import make_population

TRAIN = np.arange(0, 160)
FAMILY = np.repeat(np.arange(20), 10)


@pytest.fixture(scope="module")
def dosages():
    rng = np.random.default_rng(11)
    return make_population(rng, n_families=20, family_size=10, n_markers=800)[0]


@pytest.fixture(scope="module")
def cosine(dosages):
    return cosines(marker_products(dosages), TRAIN)


def test_cosines_are_those_of_centred_dosages(dosages, cosine):
    centred = dosages - dosages[TRAIN].mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1)[:, None]
    np.testing.assert_allclose(cosine, unit @ unit[TRAIN].T, atol=1e-10)


def test_cosines_do_not_depend_on_the_counted_allele(dosages, cosine):
    swapped = dosages.copy()
    swapped[:, ::2] = 2 - swapped[:, ::2]
    other = cosines(marker_products(swapped), TRAIN)
    np.testing.assert_allclose(other, cosine, atol=1e-10)


@pytest.mark.parametrize("wanted", [2, 9, 40])
def test_threshold_gives_the_wanted_number_of_relatives(cosine, wanted):
    c = threshold(cosine[TRAIN], wanted)
    units = expit((cosine[TRAIN] - c) / 0.05)
    count = units.sum(axis=1) - np.diag(units)
    assert count.mean() == pytest.approx(wanted, rel=1e-3)


def test_the_kernel_tells_full_sibs_from_others(cosine):
    """Families of 10, 160 animals in training: a training animal has 9 full sibs."""
    factor = relatives_factor(cosine, TRAIN, 9)
    kernel = factor @ factor.T
    sibs = np.equal.outer(FAMILY, FAMILY)
    off = ~np.eye(len(FAMILY), dtype=bool)
    known = np.zeros(len(FAMILY), dtype=bool)
    known[TRAIN] = True
    among = np.logical_and.outer(known, known)
    assert kernel[sibs & off & among].min() > 0.8
    assert kernel[~sibs & among].max() < 0.2


def test_all_components_give_the_whole_kernel_of_unit_length(cosine):
    factor = relatives_factor(cosine, TRAIN, 9, max_components=len(TRAIN))
    np.testing.assert_allclose((factor**2).sum(axis=1), 1.0, atol=1e-10)
    fewer = relatives_factor(cosine, TRAIN, 9, max_components=30)
    # the leading components, whatever their signs
    np.testing.assert_allclose(np.abs(fewer), np.abs(factor[:, -30:]), atol=1e-8)


def test_animals_without_variation_have_no_relatives():
    cosine = cosines(marker_products(np.ones((6, 4), dtype=np.int8)), np.arange(5))
    np.testing.assert_array_equal(cosine, 0.0)
    assert np.isfinite(relatives_factor(cosine, np.arange(5), 2)).all()
