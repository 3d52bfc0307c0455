"""The linear heads against liblinear."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix, vstack
from sklearn.svm import LinearSVC

from classifier.features import CharNgramTfidf
from classifier.solver import Descent, fit_heads, held_out_scores, prepare_rows

TIGHT = {"max_iter": 300, "tol": 1e-4}


@pytest.fixture(scope="module")
def X(corpus):
    return CharNgramTfidf(ngram_range=(2, 4), min_df=2, sublinear_tf=True).fit_transform(
        [article.text for article in corpus.articles]
    )


@pytest.fixture(scope="module")
def Y(corpus):
    topics = sorted({labels[0] for labels in corpus.labels["topic"]})
    return np.array([[1 if labels[0] == t else -1 for t in topics] for labels in corpus.labels["topic"]], dtype=np.int8)


def primal(X, y, coef, intercept, C, weight=None):
    """liblinear's objective, intercept regularized."""
    margins = np.maximum(0, 1 - y * (X @ coef + intercept))
    return 0.5 * (coef @ coef + intercept**2) + C * ((1 if weight is None else weight) * margins**2).sum()


def reference(X, y, C, weight=None):
    model = LinearSVC(C=C, loss="squared_hinge", dual=True, intercept_scaling=1, tol=1e-6, max_iter=100_000)
    model.fit(X, y, sample_weight=weight)
    return model.coef_[0], model.intercept_[0]


@pytest.mark.parametrize("C", [0.1, 1.0, 10.0])
def test_objective_within_one_percent_of_liblinear(X, Y, C):
    coef, intercept = fit_heads(X, Y, C=C, max_iter=60, tol=0.01)
    for k in range(Y.shape[1]):
        best = primal(X, Y[:, k], *reference(X, Y[:, k], C), C)
        ours = primal(X, Y[:, k], coef[:, k].astype(np.float64), float(intercept[k]), C)
        assert best <= ours * 1.0001
        assert ours <= best * 1.01


def test_default_effort_decides_as_liblinear(X, Y):
    coef, intercept = fit_heads(X, Y)
    ours = X @ coef + intercept
    theirs = np.column_stack([X @ w + b for w, b in (reference(X, Y[:, k], 1.0) for k in range(Y.shape[1]))])
    assert np.abs(ours - theirs).max() < 0.1
    assert ((ours > 0) == (theirs > 0)).mean() > 0.995


def test_zero_leaves_a_row_out_of_that_head_alone(X, Y):
    masked = Y.copy()
    masked[::3, 0] = 0
    coef, intercept = fit_heads(X, masked, **TIGHT)
    kept = masked[:, 0] != 0
    alone, offset = fit_heads(X[kept], Y[kept, :1], **TIGHT)
    np.testing.assert_allclose(coef[:, 0], alone[:, 0], atol=1e-3)
    np.testing.assert_allclose(intercept[0], offset[0], atol=1e-3)
    full, _ = fit_heads(X, Y, **TIGHT)
    np.testing.assert_allclose(coef[:, 1], full[:, 1], atol=1e-3)
    assert np.abs(coef[:, 0] - full[:, 0]).max() > 0.01


def test_cost_is_a_factor_of_c_for_each_row_and_head(X, Y):
    weight = np.linspace(0.2, 3, len(Y)).astype(np.float32)
    cost = np.ones(Y.shape, dtype=np.float32)
    cost[:, 0] = weight
    coef, intercept = fit_heads(X, Y, cost=cost, max_iter=60, tol=0.01)
    for k, factor in ((0, weight), (1, None)):
        best = primal(X, Y[:, k], *reference(X, Y[:, k], 1.0, factor), 1.0, factor)
        ours = primal(X, Y[:, k], coef[:, k].astype(np.float64), float(intercept[k]), 1.0, factor)
        assert ours <= best * 1.01


def test_cost_of_zero_leaves_a_row_out(X, Y):
    cost = np.ones(Y.shape, dtype=np.float32)
    cost[:30] = 0
    coef, intercept = fit_heads(X, Y, cost=cost, **TIGHT)
    without, offset = fit_heads(X[30:], Y[30:], **TIGHT)
    np.testing.assert_allclose(coef, without, atol=1e-3)
    np.testing.assert_allclose(intercept, offset, atol=1e-3)


def test_same_seed_same_bits(X, Y):
    one, two, other = (fit_heads(X, Y, seed=seed) for seed in (5, 5, 6))
    assert one[0].tobytes() == two[0].tobytes()
    assert one[1].tobytes() == two[1].tobytes()
    assert one[0].tobytes() != other[0].tobytes()


def test_input_is_left_alone(X, Y):
    before, data = Y.copy(), X.data.copy()
    cost = np.zeros(Y.shape, dtype=np.float32)
    fit_heads(X, Y, cost=cost)
    np.testing.assert_array_equal(Y, before)
    np.testing.assert_array_equal(X.data, data)
    assert not cost.any()


def test_rows_without_features_move_the_intercept_alone():
    X = csr_matrix((20, 3), dtype=np.float32)
    coef, intercept = fit_heads(X, np.full((20, 1), -1, dtype=np.int8), **TIGHT)
    assert not coef.any()
    assert intercept[0] == pytest.approx(-1, abs=0.05)


def test_empty_rows_first_and_last(X, Y):
    empty = csr_matrix((1, X.shape[1]), dtype=np.float32)
    padded = vstack([empty, X, empty], format="csr")
    targets = np.vstack([np.zeros((1, Y.shape[1]), np.int8), Y, np.zeros((1, Y.shape[1]), np.int8)])
    coef, _ = fit_heads(padded, targets, **TIGHT)
    plain, _ = fit_heads(X, Y, **TIGHT)
    np.testing.assert_allclose(coef, plain, atol=1e-3)


def test_more_heads_than_a_group_holds(X, Y):
    many = np.tile(Y, (1, 3))
    assert many.shape[1] > 16
    coef, intercept = fit_heads(X, many)
    for k in range(many.shape[1]):
        alone, offset = fit_heads(X, many[:, k : k + 1], max_iter=60, tol=0.01)
        np.testing.assert_allclose(X @ coef[:, k] + intercept[k], X @ alone[:, 0] + offset[0], atol=0.1)


def test_threads_change_nothing(X, Y):
    many, fold = np.tile(Y, (1, 3)), np.arange(len(Y)) % 3
    for one, two in zip(fit_heads(X, many), fit_heads(X, many, n_jobs=2), strict=True):
        assert one.tobytes() == two.tobytes()
    assert held_out_scores(X, many, fold).tobytes() == held_out_scores(X, many, fold, n_jobs=2).tobytes()


def test_held_out_scores_are_of_heads_that_saw_no_row_of_the_fold(X, Y):
    fold, cost = np.arange(len(Y)) ** 2 % 4, np.linspace(0.2, 2, len(Y), dtype=np.float32)[:, None] * np.ones_like(Y)
    assert len(np.unique(fold)) * Y.shape[1] < 16 * 3 != len(np.unique(fold)) * Y.shape[1]
    scores = held_out_scores(X, Y, fold, C=0.7, cost=cost, **TIGHT)
    for f in np.unique(fold):
        out = fold == f
        coef, intercept = fit_heads(X[~out], Y[~out], C=0.7, cost=cost[~out], **TIGHT)
        np.testing.assert_allclose(scores[out], X[out] @ coef + intercept, atol=2e-3)


def test_a_single_fold_leaves_nothing_out(X, Y):
    coef, intercept = fit_heads(X, Y, **TIGHT)
    scores = held_out_scores(X, Y, np.full(len(Y), 3), **TIGHT)
    np.testing.assert_allclose(scores, X @ coef + intercept, atol=2e-3)


def test_rows_visited_in_parts_reach_the_same_optimum(X, Y):
    many, half = np.tile(Y, (1, 3)), len(Y) // 2
    parts = [prepare_rows(X[rows], many[rows]) for rows in (slice(0, half), slice(half, None))]
    descent = Descent(X.shape[1], many.shape[1])
    for _ in range(300):
        worst = max(descent.visit(part) for part in parts)
    assert worst < 0.01
    coef, intercept = fit_heads(X, many, **TIGHT)
    np.testing.assert_allclose(descent.coef, coef, atol=1e-3)
    np.testing.assert_allclose(descent.intercept, intercept, atol=1e-3)
    np.testing.assert_allclose(descent.scores(parts[0]), X[:half] @ coef + intercept, atol=1e-2)
