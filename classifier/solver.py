"""Linear support vector machines for many labels at once, one pass over the rows for all of them.

Dual coordinate descent for the L2-regularized squared hinge loss, liblinear's problem and method:
Hsieh, Chang, Lin, Keerthi, Sundararajan, "A Dual Coordinate Descent Method for Large-scale Linear SVM", ICML 2008.
A row's scores for all labels cost little more than for one, because the weights of an n-gram lie side by side.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

__all__ = ["Descent", "Rows", "fit_heads", "prepare_rows"]

_SURE_MARGIN = 0.3
_ROUNDS_AT_REST = 3


def fit_heads(
    X: csr_matrix,
    Y: NDArray[np.int8],
    *,
    C: float = 1.0,
    cost: NDArray[np.float32] | None = None,
    max_iter: int = 12,
    tol: float = 0.05,
    seed: int = 0,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit one head a column of `Y`.

    Parameters
    ----------
    X : csr_matrix of shape (n_articles, n_features), float32
    Y : ndarray of shape (n_articles, n_labels)
        1 has the label, -1 has not, 0 leaves the article out of that label's problem.
    C : float
        Inverse strength of the regularization, above 0.
    sample_weight : ndarray of shape (n_articles,) or None
        Factors of C, 0 or more.
    max_iter : int
        Most passes over the rows.
    tol : float
        Stop when no projected gradient of the dual is larger; liblinear's default is 0.1.
    seed : int
        Of the order of the rows.

    Returns
    -------
    coef : ndarray of shape (n_features, n_labels), float32
    intercept : ndarray of shape (n_labels,), float32
        Regularized, as liblinear's.
    """
    rows = prepare_rows(X, Y, C=C, cost=cost)
    descent = Descent(X.shape[1], Y.shape[1], seed)
    for _ in range(max_iter):
        if descent.visit(rows) < tol:
            break
    return descent.coef, descent.intercept


class Rows(NamedTuple):
    """Rows of a problem, and how far each is: its dual variables, and for how many rounds it may rest.

    Attributes
    ----------
    indptr, indices, data : ndarrays
        Of a CSR matrix.
    Y : ndarray of shape (n_articles, n_labels), int8
    cost, alpha : ndarrays of shape (n_articles, n_labels), float32
    squares : ndarray of shape (n_articles,), float32
    resting : ndarray of shape (n_articles,), int8
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    data: NDArray[np.float32]
    Y: NDArray[np.int8]
    cost: NDArray[np.float32]
    squares: NDArray[np.float32]
    alpha: NDArray[np.float32]
    resting: NDArray[np.int8]


def prepare_rows(
    X: csr_matrix,
    Y: NDArray[np.int8],
    *,
    C: float = 1.0,
    cost: NDArray[np.float32] | None = None,
    alpha: NDArray[np.float32] | None = None,
    resting: NDArray[np.int8] | None = None,
) -> Rows:
    """Return rows to visit, as they were left if `alpha` and `resting` are given; the others are as in `fit_heads`."""
    costs = np.full(Y.shape, C, dtype=np.float32)
    if cost is not None:
        costs *= cost
        Y = np.where(costs > 0, Y, 0).astype(np.int8)
        costs[costs == 0] = C  # Left out of the problem: any cost will do, but for 0, by which is divided.
    squares = np.add.reduceat(np.append(X.data**2, 0.0), X.indptr[:-1]).astype(np.float32)
    squares = np.where(np.diff(X.indptr) > 0, squares, 0).astype(np.float32) + 1
    return Rows(
        X.indptr.astype(np.int64),
        X.indices,
        X.data.astype(np.float32, copy=False),
        np.ascontiguousarray(Y),
        costs,
        squares,
        np.zeros(Y.shape, dtype=np.float32) if alpha is None else alpha,
        np.zeros(len(Y), dtype=np.int8) if resting is None else resting,
    )


class Descent:
    """Heads under way. Rows may be visited in parts, one in memory at a time: the optimum is that of all of them.

    Yu, Hsieh, Chang, Lin, "Large Linear Classification When Data Cannot Fit In Memory", KDD 2010.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_labels), float32
    intercept : ndarray of shape (n_labels,), float32
    """

    def __init__(self, n_features: int, n_labels: int, seed: int = 0) -> None:
        self.coef = np.zeros((n_features, n_labels), dtype=np.float32)
        self.intercept = np.zeros(n_labels, dtype=np.float32)
        self.rng = np.random.default_rng(seed)

    def visit(self, rows: Rows) -> float:
        """Make one pass over rows, in an order of its own; return the largest projected gradient met."""
        order = self.rng.permutation(len(rows.Y))
        indptr, indices, data, Y, cost, squares, alpha, resting = rows
        state = (alpha, self.coef, self.intercept, resting)
        return float(_descend(order, indptr, indices, data, Y, cost, squares, *state))


@njit(cache=True, nogil=True, fastmath=True)
def _descend(order, indptr, indices, data, Y, cost, squares, alpha, coef, intercept, resting):
    """Make one pass over the rows; return the largest projected gradient met."""
    n_labels = Y.shape[1]
    scores = np.empty(n_labels, dtype=np.float32)
    steps = np.empty(n_labels, dtype=np.float32)
    worst = np.float32(0)
    for row in order:
        # A row that all labels get right by far is looked at again only some rounds later.
        if resting[row] > 0:
            resting[row] -= 1
            continue
        scores[:] = intercept
        for p in range(indptr[row], indptr[row + 1]):
            column, x = indices[p], data[p]
            for k in range(n_labels):
                scores[k] += x * coef[column, k]
        gradient, moved, sure = _steps(Y[row], scores, cost[row], squares[row], alpha[row], steps)
        worst = max(worst, gradient)
        if moved:
            for p in range(indptr[row], indptr[row + 1]):
                column, x = indices[p], data[p]
                for k in range(n_labels):
                    coef[column, k] += steps[k] * x
            intercept += steps
        elif sure:
            resting[row] = _ROUNDS_AT_REST
    return worst


@njit(cache=True, nogil=True, fastmath=True)
def _steps(y, scores, cost, square, alpha, steps):
    """Set the step of each label of a row; return the largest gradient, whether one moves, whether all are sure."""
    worst = np.float32(0)
    moved, sure = False, True
    for k in range(len(steps)):
        steps[k] = 0
        if y[k] == 0:
            continue
        diagonal = np.float32(0.5) / cost[k]
        gradient = y[k] * scores[k] - np.float32(1) + diagonal * alpha[k]
        if alpha[k] == 0:
            sure = sure and gradient > _SURE_MARGIN
            gradient = min(gradient, np.float32(0))
        else:
            sure = False
        worst = max(worst, abs(gradient))
        updated = max(alpha[k] - gradient / (square + diagonal), np.float32(0))
        if updated != alpha[k]:
            steps[k] = (updated - alpha[k]) * y[k]
            alpha[k] = updated
            moved = True
    return worst, moved, sure
