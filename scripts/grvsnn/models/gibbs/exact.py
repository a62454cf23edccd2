"""Bayesian ridge regression without sampling, of one term or two."""

from collections.abc import Sequence

from grvsnn.models.gibbs.design import Design
from grvsnn.models.gibbs.exact_integral import (
    Integral,
    Spectrum,
    effect_moments,
    make_posterior,
)
from grvsnn.models.gibbs.exact_pair import fit_pair
from grvsnn.models.gibbs.lanes import Target, scale_features, target_prior
from grvsnn.models.gibbs.posterior import Posterior


def fit_exact_brr(
    design: Design, targets: Sequence[Target], interval: float
) -> list[Posterior]:
    """Exact posterior of Bayesian ridge regression with one term or two.

    Interval limits are those of the normal density with the exact mean and standard
    deviation; the marginal posterior is a narrow mixture of normals.

    Parameters
    ----------
    design : Design
        Features.
    targets : sequence of Target
        Phenotypes. Those with the same rows share the eigendecompositions.
    interval : float
        Probability inside the credible interval.

    Returns
    -------
    list of Posterior
        With the variances' posterior moments in place of traces.
    """
    scalings = scale_features(design, targets)
    posteriors: dict[int, Posterior] = {}
    keys = [(t.used.tobytes(), t.train.tobytes(), id(t.patch)) for t in targets]
    for key in dict.fromkeys(keys):
        members = [i for i, other in enumerate(keys) if other == key]
        if design.n_terms > 1:
            part = [targets[i] for i in members]
            found = fit_pair(design, part, scalings[members[0]], interval)
            posteriors.update(zip(members, found, strict=True))
            continue
        spectrum = Spectrum(design, targets[members[0]], scalings[members[0]])
        integrals = []
        for i in members:
            prior, _ = target_prior(design, "brr", targets[i], scalings[i])
            y = targets[i].y[targets[i].used]
            integrals.append(Integral(spectrum, y, prior))
        moments = effect_moments(spectrum, integrals)
        for i, integral, (effect, sd) in zip(members, integrals, moments, strict=True):
            posteriors[i] = make_posterior(
                spectrum, integral.intercept, integral.moments, effect, sd, interval
            )
    return [posteriors[i] for i in range(len(targets))]
