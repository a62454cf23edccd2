"""Tuning: resumption, plateau, ranges; and the method as a whole."""

import math

import pytest
from grvsnn.base.errors import InputError
from grvsnn.models.network.tuning import SearchSpace, tune

FIRST = {
    "batch_size": 128,
    "hidden": 4,
    "learning_rate": 1e-4,
    "weight_decay": 1e-2,
    "dropout": 0.2,
}


class Bowl:
    """A loss with its minimum at learning rate 2e-4 and dropout 0.3."""

    def __init__(self, die_at=None):
        self.seen = []
        self.die_at = die_at

    def __call__(self, values, seed, report):
        if len(self.seen) == self.die_at:
            raise KeyboardInterrupt
        self.seen.append((tuple(sorted(values.items())), seed))
        loss = abs(math.log10(values["learning_rate"] / 2e-4))
        loss += abs(values["dropout"] - 0.3)
        for epoch in range(1, 40):
            if report(epoch, loss + 1 / epoch):
                return loss, True
        return loss, False


def search(objective, n_trials=12, plateau=30, seed=5, **kwargs):
    return tune(objective, SearchSpace(), FIRST, n_trials, plateau, seed, **kwargs)


def test_first_trial_is_the_given_one_and_search_improves_on_it():
    bowl = Bowl()
    result = search(bowl, n_trials=25)
    assert dict(bowl.seen[0][0]) == FIRST
    assert result.n_trials == len(bowl.seen) == 25
    assert result.loss < result.losses[0]
    assert result.n_pruned > 0


def test_killed_study_resumes_as_if_it_had_not_been(tmp_path):
    whole = Bowl()
    expected = search(whole)
    journal = tmp_path / "study.journal"
    killed = Bowl(die_at=7)
    with pytest.raises(KeyboardInterrupt):
        search(killed, journal=journal)
    resumed = Bowl()
    result = search(resumed, journal=journal)
    assert killed.seen + resumed.seen == whole.seen
    assert result.best == expected.best and result.losses == expected.losses
    assert len(set(whole.seen)) == len(whole.seen)


def test_finished_study_runs_nothing_again(tmp_path):
    journal = tmp_path / "study.journal"
    first = search(Bowl(), n_trials=4, journal=journal)
    idle = Bowl()
    again = search(idle, n_trials=4, journal=journal)
    assert idle.seen == [] and again.best == first.best


def test_plateau_stops_the_search():
    calls = []

    def flat(values, seed, report):
        calls.append(seed)
        return 1.0, False

    assert search(flat, n_trials=50, plateau=6).n_trials == len(calls) == 7


def test_single_values_are_not_searched_and_the_first_trial_is_moved_inside():
    space = SearchSpace(batch_sizes=(64,), learning_rates=(5e-4, 1e-3), dropouts=(0.4,))
    bowl = Bowl()
    tune(bowl, space, FIRST, n_trials=6, plateau=30, seed=1)
    seen = [dict(values) for values, _ in bowl.seen]
    assert {values["batch_size"] for values in seen} == {64}
    assert {values["dropout"] for values in seen} == {0.4}
    assert seen[0]["learning_rate"] == 5e-4
    assert all(5e-4 <= values["learning_rate"] <= 1e-3 for values in seen)


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_sizes": ()},
        {"hidden_sizes": (2.5,)},
        {"learning_rates": (0.0, 1e-3)},
        {"dropouts": (0.5, 0.1)},
        {"weight_decays": (1e-3, 1e-2, 1e-1)},
    ],
)
def test_impossible_ranges_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        SearchSpace(**wrong)
