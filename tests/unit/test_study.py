"""What a config asks for: variants, companions, their parameters, files and rules."""

import re

import pytest
from grvsnn.run.study import Study

from tests.shipped import METHODS

RELEASED = {"architecture": "bottleneck"}
ENTRY = {"format": "simulated", "samples": 10, "markers": 10}


def study(**changes):
    config = {
        "datasets": ["toy"],
        "settings": ["markers", "markers_pedigree"],
        "methods": ["gblup", "grvsnn", "grvsnn_plus"],
        "ablations": {},
        "protocol": "nested",
        "folds": {"repeats": 3},
        "sentinel": {"methods": ["gblup"], "repeats": 1},
        "optimism": {"methods": [], "repeats": 2},
        "learning_curve": {"methods": [], "repeats": 1, "shares": [20, 60]},
        "held_out": {"methods": [], "groups": ["family"], "repeats": 1},
        "grvsnn": {"refit": False, "gate": "hard_sigmoid"},
        "registry": {"toy": ENTRY},
    }
    return Study({**config, **changes}, METHODS)


def test_companions_are_what_a_method_is_not_itself():
    compared = ["gblup", "grvsnn", "grvsnn-late", "grvsnn_plus"]
    found = study(
        ablations={"grvsnn-late": {"refit": True}},
        optimism={"methods": compared, "repeats": 2},
    ).companions["optimism"]
    assert found == [
        "gblup-published",
        *(f"grvsnn-{name}" for name in ("whole", "peeking", "published")),
        *(f"grvsnn-late-{name}" for name in ("part", "peeking", "published")),
        *(f"grvsnn_plus-{name}" for name in ("peeking", "published")),
    ]


def test_companions_keep_parameters_but_for_how_many_animals_they_fit():
    one = study(
        ablations={"grvsnn-late": {"refit": True, "gate": "sigmoid"}},
        optimism={"methods": ["grvsnn", "grvsnn-late"], "repeats": 2},
    )
    assert one.params("grvsnn") == {"refit": False, "gate": "hard_sigmoid"}
    assert one.params("grvsnn-whole") == {"refit": True, "gate": "hard_sigmoid"}
    assert one.params("grvsnn-late") == {"refit": True, "gate": "sigmoid"}
    assert one.params("grvsnn-late-part") == {"refit": False, "gate": "sigmoid"}
    assert one.params("gblup-permuted") == {}


def test_only_leaky_companions_have_another_protocol():
    one = study(optimism={"methods": ["grvsnn"], "repeats": 2})
    protocols = {name: one.protocol(name) for name in one.fits}
    leaky = {n for n, protocol in protocols.items() if protocol != "nested"}
    assert leaky == {"grvsnn-peeking", "grvsnn-published"}


def test_training_phenotypes_of_companions():
    one = study(
        optimism={"methods": ["grvsnn"], "repeats": 2},
        learning_curve={"methods": ["gblup"], "repeats": 1, "shares": [20]},
    )
    assert {name: one.targets(name) for name in one.fits} == {
        "gblup": "",
        "grvsnn": "",
        "grvsnn_plus": "",
        "gblup-permuted": "permuted/",
        "grvsnn-whole": "",
        "grvsnn-peeking": "published/",
        "grvsnn-published": "published/",
        "gblup-share20": "share20/",
    }
    assert one.share("gblup-share20") == "20" and one.share("grvsnn-whole") == ""


def test_companions_run_the_first_repeats():
    one = study(optimism={"methods": ["grvsnn"], "repeats": 2})
    assert one.repeats_of("grvsnn") == [1, 2, 3]
    assert one.repeats_of("grvsnn-published") == [1, 2]
    assert one.repeats_of("gblup-permuted") == [1]


def test_every_fit_belongs_to_one_stack():
    one = study(
        methods=list(METHODS),
        ablations={"brr-exact": {"route": "exact"}},
        optimism={"methods": ["lassonet"], "repeats": 1},
        lassonet={"refit": True},
    )
    stacks = {entry["stack"] for entry in METHODS.values()}
    patterns = [one.of_stack(stack) for stack in stacks]
    for name in one.fits:
        assert sum(bool(re.fullmatch(p, name)) for p in patterns) == 1, name
    assert one.of_stack("none") == "no_method_of_this_stack"


def test_variants_of_methods_that_are_not_run_are_passed_over():
    one = study(ablations={"brr-exact": {"route": "exact"}})
    assert one.variants == {} and "brr-exact" not in one.fits


@pytest.mark.parametrize(
    ("changes", "condition", "holds"),
    [
        ({}, "simulated", True),
        ({"registry": {"toy": {**ENTRY, "format": "pine"}}}, "simulated", False),
        ({}, "intervals", True),
        ({"methods": ["gblup"]}, "intervals", False),
        ({"methods": ["gblup"]}, "selection", False),
        ({}, "sentinel", True),
        ({}, "optimism", False),
        ({"settings": ["markers"]}, "both_settings", False),
        ({"settings": ["pedigree"]}, "markers", False),
        ({}, "reported", False),
        (
            {"methods": ["grvsnn"], "grvsnn": {"architecture": "bottleneck"}},
            "curves",
            False,
        ),
        ({"registry": {"toy": {**ENTRY, "dosage": "fractional"}}}, "curves", True),
    ],
)
def test_conditions_of_results(changes, condition, holds):
    assert study(**changes).holds([condition], "toy") is holds


def test_the_networks_own_curves_need_hard_calls():
    one = study(registry={"toy": {**ENTRY, "dosage": "fractional"}})
    assert one.curved("toy") == ["grvsnn_plus"]
    assert study().curved("toy") == ["grvsnn", "grvsnn_plus"]
