"""Linear support vector machines for many labels at once, one pass over the rows for sixteen of them.

Dual coordinate descent for the L2-regularized squared hinge loss, liblinear's problem and method:
Hsieh, Chang, Lin, Keerthi, Sundararajan, "A Dual Coordinate Descent Method for Large-scale Linear SVM", ICML 2008.
Heads go by the group: the weights of an n-gram for the heads of a group fill one line of memory, which costs as much to
fetch for one of them. Groups are independent problems, so threads may take one each and change nothing.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from classifier.vectors import WIDTH, add_products, move_rows

__all__ = ["Descent", "Rows", "fit_heads", "held_out_scores", "prepare_rows"]

_SURE_MARGIN = 0.3
_ROUNDS_AT_REST = 3
_ROWS_AT_ONCE = 1024

Floats = NDArray[np.float32]


class Rows(NamedTuple):
    """Rows of a problem, and how far each is: its dual variables, and for how many rounds it may rest.

    Attributes
    ----------
    indptr, indices, data : ndarrays
        Of a CSR matrix.
    Y : ndarray of shape (n_articles, n_labels), int8
    cost, alpha : ndarrays of shape (n_articles, n_labels), float32
    squares : ndarray of shape (n_articles,), float32
        Squared lengths, the constant feature included.
    resting : ndarray of shape (n_articles,), int8
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    data: Floats
    Y: NDArray[np.int8]
    cost: Floats
    squares: Floats
    alpha: Floats
    resting: NDArray[np.int8]


def fit_heads(
    X: csr_matrix,
    Y: NDArray[np.int8],
    *,
    C: float = 1.0,
    cost: Floats | None = None,
    max_iter: int = 12,
    tol: float = 0.05,
    seed: int = 0,
    n_jobs: int | None = None,
) -> tuple[Floats, Floats]:
    """Fit one head a column of `Y`.

    Parameters
    ----------
    X : csr_matrix of shape (n_articles, n_features), float32
    Y : ndarray of shape (n_articles, n_labels)
        1 has the label, -1 has not, 0 leaves the article out of that label's problem.
    C : float
        Inverse strength of the regularization, above 0.
    cost : ndarray of shape (n_articles, n_labels) or None
        Factors of C, 0 or more; 0 leaves the article out, too.
    max_iter : int
        Most passes over the rows.
    tol : float
        A group of heads is done when no projected gradient of the dual is larger; liblinear's default is 0.1.
    seed : int
        Of the order of the rows.
    n_jobs : int or None
        Threads, in joblib's terms; they do not change the result.

    Returns
    -------
    coef : ndarray of shape (n_features, n_labels), float32
    intercept : ndarray of shape (n_labels,), float32
        Regularized, as liblinear's.
    """
    squares = _squares(X)
    coef, intercept = np.empty((X.shape[1], Y.shape[1]), dtype=np.float32), np.empty(Y.shape[1], dtype=np.float32)

    def fit_group(group: Sequence[int]) -> None:
        rows = _prepare(X, squares, Y[:, group], C, None if cost is None else cost[:, group])
        descent = _descend_to(rows, X.shape[1], max_iter, tol, seed)
        coef[:, group], intercept[group] = descent.coef, descent.intercept

    _for_each_group(fit_group, Y.shape[1], n_jobs)
    return coef, intercept


def held_out_scores(
    X: csr_matrix,
    Y: NDArray[np.int8],
    fold: NDArray[np.int64],
    *,
    C: float = 1.0,
    cost: Floats | None = None,
    max_iter: int = 12,
    tol: float = 0.05,
    seed: int = 0,
    n_jobs: int | None = None,
) -> Floats:
    """Score each article by heads fitted without its fold; all folds at once, without a copy of the matrix.

    Parameters
    ----------
    fold : ndarray of shape (n_articles,), int
        If it holds a single value, nothing is left out.
    X, Y, C, cost, max_iter, tol, seed, n_jobs
        As in `fit_heads`.

    Returns
    -------
    ndarray of shape (n_articles, n_labels), float32
    """
    squares, folds = _squares(X), np.unique(fold)
    scores = np.empty(Y.shape, dtype=np.float32)

    def score_group(group: Sequence[int]) -> None:
        label, out = np.array(group) // len(folds), fold[:, None] == folds[np.array(group) % len(folds)]
        targets = np.where(out & (len(folds) > 1), 0, Y[:, label]).astype(np.int8)
        rows = _prepare(X, squares, targets, C, None if cost is None else cost[:, label])
        found = _descend_to(rows, X.shape[1], max_iter, tol, seed).scores(rows)
        for k in range(len(group)):
            scores[out[:, k], label[k]] = found[out[:, k], k]

    _for_each_group(score_group, Y.shape[1] * len(folds), n_jobs)  # a label's folds side by side: alike in what is easy
    return scores


def prepare_rows(
    X: csr_matrix,
    Y: NDArray[np.int8],
    *,
    C: float = 1.0,
    cost: Floats | None = None,
    alpha: Floats | None = None,
    resting: NDArray[np.int8] | None = None,
) -> Rows:
    """Return rows to visit, as they were left if `alpha` and `resting` are given; the others are as in `fit_heads`."""
    rows = _prepare(X, _squares(X), Y, C, cost)
    return rows._replace(
        alpha=rows.alpha if alpha is None else alpha, resting=rows.resting if resting is None else resting
    )


class Descent:
    """Heads under way. Rows may be visited in parts, one in memory at a time: the optimum is that of all of them.

    Yu, Hsieh, Chang, Lin, "Large Linear Classification When Data Cannot Fit In Memory", KDD 2010.
    """

    def __init__(self, n_features: int, n_labels: int, seed: int = 0) -> None:
        n_groups = len(_groups(n_labels))
        self.n_labels = n_labels
        self.rng = np.random.default_rng(seed)
        self._coef = _aligned_zeros(n_groups, n_features)
        self._intercept = np.zeros((n_groups, WIDTH), dtype=np.float32)

    @property
    def coef(self) -> Floats:
        """Weights so far, ndarray of shape (n_features, n_labels); a copy."""
        return np.concatenate(list(self._coef), axis=1)[:, : self.n_labels]

    @property
    def intercept(self) -> Floats:
        """Intercepts so far, ndarray of shape (n_labels,); a copy."""
        return self._intercept.ravel()[: self.n_labels].copy()

    def visit(self, rows: Rows) -> float:
        """Make one pass over rows, in an order of its own; return the largest projected gradient met."""
        return float(_descend(self.rng.permutation(len(rows.Y)), rows, self._coef, self._intercept))

    def scores(self, rows: Rows) -> Floats:
        """Return the scores of rows, ndarray of shape (n_articles, n_labels)."""
        scores = np.empty(rows.Y.shape, dtype=np.float32)
        _score_rows(rows, self._coef, self._intercept, scores)
        return scores


def _groups(n_heads: int) -> list[Sequence[int]]:
    return [range(first, min(first + WIDTH, n_heads)) for first in range(0, n_heads, WIDTH)]


def _for_each_group(function: Callable[[Sequence[int]], None], n_heads: int, n_jobs: int | None) -> None:
    Parallel(n_jobs=n_jobs, prefer="threads")(delayed(function)(group) for group in _groups(n_heads))


def _squares(X: csr_matrix) -> Floats:
    squares = np.zeros(X.shape[0], dtype=np.float32)
    for first in range(0, len(squares), _ROWS_AT_ONCE):  # all at once would take more memory than the matrix
        ends = X.indptr[first : first + _ROWS_AT_ONCE + 1]
        part = np.append(X.data[ends[0] : ends[-1]] ** 2, 0.0)
        squares[first : first + _ROWS_AT_ONCE] = np.add.reduceat(part, ends[:-1] - ends[0])
    return np.where(np.diff(X.indptr) > 0, squares, 0).astype(np.float32) + np.float32(1)


def _prepare(X: csr_matrix, squares: Floats, Y: NDArray[np.int8], C: float, cost: Floats | None) -> Rows:
    costs = np.full(Y.shape, C, dtype=np.float32)
    if cost is not None:
        costs *= cost
        Y = np.where(costs > 0, Y, 0).astype(np.int8)
        costs[costs == 0] = C  # Left out of the problem: any cost will do, but for 0, by which is divided.
    return Rows(
        X.indptr.astype(np.int64),
        X.indices.astype(np.int32, copy=False),
        X.data.astype(np.float32, copy=False),
        np.ascontiguousarray(Y),
        costs,
        squares,
        np.zeros(Y.shape, dtype=np.float32),
        np.zeros(len(Y), dtype=np.int8),
    )


def _descend_to(rows: Rows, n_features: int, max_iter: int, tol: float, seed: int) -> Descent:
    descent = Descent(n_features, rows.Y.shape[1], seed)
    for _ in range(max_iter):
        if descent.visit(rows) < tol:
            break
    return descent


def _aligned_zeros(n_groups: int, n: int) -> Floats:
    """Return zeros of shape (n_groups, n, WIDTH), each row a whole line of memory."""
    size = n_groups * n * WIDTH
    room = np.zeros(size + WIDTH, dtype=np.float32)
    first = -(room.ctypes.data // room.itemsize) % WIDTH
    return room[first : first + size].reshape(n_groups, n, WIDTH)


@njit(cache=True, nogil=True, fastmath=True)
def _descend(order, rows, coef, intercept):
    """Make one pass over the rows; return the largest projected gradient met."""
    indptr, indices, data, Y, cost, squares, alpha, resting = rows
    scores, steps = np.empty(WIDTH, dtype=np.float32), np.empty(WIDTH, dtype=np.float32)
    worst = np.float32(0)
    for row in order:
        # A row that all labels get right by far is looked at again only some rounds later.
        if resting[row] > 0:
            resting[row] -= 1
            continue
        rest = True
        for group in range(len(coef)):
            scores[:] = intercept[group]
            add_products(indices, data, indptr[row], indptr[row + 1], coef[group], 0, scores)
            gradient, moved, sure = _steps(row, group * WIDTH, Y, scores, cost, squares[row], alpha, steps)
            worst = max(worst, gradient)
            if moved:
                move_rows(indices, data, indptr[row], indptr[row + 1], coef[group], 0, steps)
                intercept[group] += steps
            rest = rest and sure and not moved
        if rest:
            resting[row] = _ROUNDS_AT_REST
    return worst


@njit(inline="always")
def _steps(row, first, Y, scores, cost, square, alpha, steps):
    """Set the steps of a row's labels from `first` on; return the largest gradient, if one moves, if all are sure."""
    worst = np.float32(0)
    moved, sure = False, True
    steps[:] = 0
    for k in range(min(WIDTH, Y.shape[1] - first)):
        y, before = np.float32(Y[row, first + k]), alpha[row, first + k]
        if y == 0:
            continue
        diagonal = np.float32(0.5) / cost[row, first + k]
        gradient = y * scores[k] - np.float32(1) + diagonal * before
        if before == 0:
            sure = sure and gradient > _SURE_MARGIN
            gradient = min(gradient, np.float32(0))
        else:
            sure = False
        worst = max(worst, abs(gradient))
        after = max(before - gradient / (square + diagonal), np.float32(0))
        if after != before:
            steps[k] = (after - before) * y
            alpha[row, first + k] = after
            moved = True
    return worst, moved, sure


@njit(cache=True, nogil=True, fastmath=True)
def _score_rows(rows, coef, intercept, scores):
    """Set the scores (n_rows, n_labels) of all rows."""
    indptr, indices, data = rows[:3]
    sums = np.empty(WIDTH, dtype=np.float32)
    n_labels = scores.shape[1]
    for row in range(len(scores)):
        for group in range(len(coef)):
            sums[:] = intercept[group]
            add_products(indices, data, indptr[row], indptr[row + 1], coef[group], 0, sums)
            for k in range(min(WIDTH, n_labels - group * WIDTH)):
                scores[row, group * WIDTH + k] = sums[k]
