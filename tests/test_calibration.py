"""Scores to probabilities, thresholds and decisions."""

import numpy as np
import pytest

from classifier.calibration import Calibration, fit_calibration

RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def noisy():
    """Scores of 3 labels of which the truth is drawn with probability ``sigmoid(3 * score - 1)``."""
    scores = RNG.normal(size=(4000, 3)).astype(np.float32)
    truth = RNG.random(scores.shape) < 1 / (1 + np.exp(1 - 3 * scores))
    gold = [sorted(np.flatnonzero(row), key=lambda k, i=i: -scores[i, k]) for i, row in enumerate(truth)]
    return scores, truth, gold


def test_finds_the_sigmoid_that_made_the_truth(noisy):
    scores, _, gold = noisy
    calibration = fit_calibration(scores, gold, always_first=False, max_labels=3)
    assert calibration.slope == pytest.approx(3, abs=0.2)
    assert calibration.intercept == pytest.approx(-1, abs=0.15)


def test_probabilities_are_right_as_often_as_they_say(noisy):
    scores, truth, gold = noisy
    holds = fit_calibration(scores, gold, always_first=False, max_labels=3).holds(scores)
    assert holds.shape == scores.shape
    assert holds.dtype == np.float32
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        inside = (holds >= low) & (holds < low + 0.2)
        assert truth[inside].mean() == pytest.approx(holds[inside].mean(), abs=0.04)


def test_probability_of_the_first_is_right_as_often_as_it_says(noisy):
    scores, _, gold = noisy
    first = fit_calibration(scores, gold, always_first=False, max_labels=3).read(scores).is_first
    right = np.array([bool(g) and g[0] == k for g, k in zip(gold, scores.argmax(axis=1), strict=True)])
    assert first.shape == (4000,)
    for low in (0.4, 0.6, 0.8):
        inside = (first >= low) & (first < low + 0.2)
        assert right[inside].mean() == pytest.approx(first[inside].mean(), abs=0.07)


def test_thresholds_maximize_micro_f1(noisy):
    scores, truth, gold = noisy
    calibration = fit_calibration(scores, gold, always_first=False, max_labels=3)
    holds = calibration.holds(scores)

    def micro_f1(threshold):
        stated = holds >= threshold
        return 2 * (stated & truth).sum() / (stated.sum() + truth.sum())

    best = max(micro_f1(t) for t in np.linspace(0.05, 0.95, 91))
    assert calibration.thresholds.shape == (3,)
    assert calibration.thresholds.dtype == np.float32
    assert micro_f1(calibration.thresholds) >= best - 0.005


def test_rare_labels_share_a_threshold(noisy):
    scores = np.column_stack([noisy[0], noisy[0][:, :2] - 3])
    calibration = fit_calibration(scores, noisy[2], always_first=False, max_labels=3)
    assert calibration.thresholds[3] == calibration.thresholds[4]
    assert calibration.thresholds[3] not in calibration.thresholds[:3]


def test_order_of_probabilities_is_that_of_scores(noisy):
    scores, _, gold = noisy
    holds = fit_calibration(scores, gold, always_first=True, max_labels=3).holds(np.sort(scores[0])[None])
    assert (np.diff(holds) > 0).all()


def test_order_is_kept_where_scores_say_the_contrary_of_the_truth(noisy):
    scores, truth, gold = noisy
    calibration = fit_calibration(-scores, gold, always_first=True, max_labels=3)
    low, high = calibration.holds(np.array([-2.0, 2.0], np.float32))
    assert low < high < low + 0.1
    assert low == pytest.approx(truth.mean(), abs=0.02)


@pytest.mark.parametrize("gold", [[[]] * 9, [[0]] * 9], ids=["none", "all"])
def test_constant_outcome(gold):
    scores = np.linspace(-1, 1, 9, dtype=np.float32)[:, None]
    calibration = fit_calibration(scores, gold, always_first=False, max_labels=1)
    holds, first = calibration.holds(scores), calibration.read(scores).is_first
    assert np.isfinite([*holds.ravel(), *first]).all()
    assert (holds > 0.5).all() == bool(gold[0])
    assert 0.05 <= calibration.thresholds[0] <= 0.95


def test_extreme_scores_stay_probabilities():
    calibration = Calibration(5.0, 1.0, (2.0, 3.0, 1.0), np.full(2, 0.5, np.float32), True, 1)
    scores = np.array([[1e6, -1e6], [-1e6, -1e6]], dtype=np.float32)
    for probabilities in (calibration.holds(scores), calibration.read(scores).is_first):
        assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_separable_scores_stay_finite():
    scores = np.array([[2, -2], [-2, 2]] * 20, dtype=np.float32)
    calibration = fit_calibration(scores, [[0], [1]] * 20, always_first=True, max_labels=1)
    assert np.isfinite([calibration.slope, calibration.intercept, *calibration.first]).all()
    assert (calibration.holds(scores).argmax(axis=1) == [0, 1] * 20).all()
    assert (calibration.holds(scores).max(axis=1) > 0.9).all()


def test_of_thresholds_as_good_the_highest_where_no_label_need_hold():
    scores = np.full((4001, 2), -3.0, dtype=np.float32)
    scores[:2000, 0], scores[2000, 0] = np.linspace(1, 3, 2000), -0.5
    gold = [[0]] * 2001 + [[]] * 2000
    stated = fit_calibration(scores, gold, always_first=False, max_labels=2).read(scores).stated[:, 0]
    assert not stated[2000]  # this one article costs .00025 of F1
    assert stated[:2000].all()
