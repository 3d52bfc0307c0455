"""Scores to probabilities and decisions, fitted on held-out scores.

Platt scaling: Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large Margin Classifiers, 1999.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calibration", "Decisions", "fit_calibration"]

_ENOUGH_FOR_OWN_THRESHOLD = 30
_HIGHEST_RANK = 1e3
_MOST_LEAD = 5.0
_SAME_F1 = 0.0005

Scores = NDArray[np.float32]
_LEAST_SLOPE = 0.01


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a task's scores are read.

    Attributes
    ----------
    slope, intercept : float
        A label holds with probability ``sigmoid(slope * score + intercept)``.
    first : tuple of 3 floats
        The label ranked first is the primary one with probability ``sigmoid(a * score + b * lead + c)``; `lead` is
        how far its score is above the second's.
    thresholds : ndarray of shape (n_labels,), float32
        Probabilities from which a label is stated.
    always_first : bool
        State the label ranked first whatever its probability, if the text has evidence at all.
    max_labels : int
        Most labels to state.
    """

    slope: float
    intercept: float
    first: tuple[float, float, float]
    thresholds: NDArray[np.float32]
    always_first: bool
    max_labels: int

    def holds(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of each label, of the shape of `scores`."""
        return _sigmoid(np.float32(self.slope) * scores + np.float32(self.intercept))

    def read(self, scores: Scores, ranks: Scores | None = None) -> "Decisions":
        """Read rows of scores (n_articles, n_labels).

        With `ranks`, of the same shape, labels are ranked by these; only those stated if not `always_first`.
        """
        holds = self.holds(scores)
        stated = np.asarray(holds >= self.thresholds)
        ordered = self._ordered(scores, ranks, stated)
        top, lead = _top_and_lead(scores, ordered)
        a, b, c = map(np.float32, self.first)
        return Decisions(holds, stated, ordered, _sigmoid(a * top + b * lead + c))

    def _ordered(self, scores: Scores, ranks: Scores | None, stated: NDArray[np.bool_]) -> Scores:
        if ranks is None:
            return scores
        if self.always_first:
            return ranks
        return np.where(stated, np.clip(ranks, -_HIGHEST_RANK, _HIGHEST_RANK) + 3 * _HIGHEST_RANK, scores)


class Decisions(NamedTuple):
    """What scores say.

    Attributes
    ----------
    holds : ndarray of shape (n_articles, n_labels), float32
        The probability of each label.
    stated : ndarray of the same shape, bool
        Which labels are stated by their own threshold.
    ordered : ndarray of the same shape, float32
        What orders the labels of a row: the scores, or, before all others, the ranks of those stated.
    is_first : ndarray of shape (n_articles,), float32
        The probability that the label ranked first is the primary one.
    """

    holds: Scores
    stated: NDArray[np.bool_]
    ordered: Scores
    is_first: Scores


def fit_calibration(
    scores: Scores,
    gold: Sequence[Sequence[int]],
    *,
    ranks: Scores | None = None,
    always_first: bool,
    max_labels: int,
) -> Calibration:
    """Fit on held-out scores.

    Parameters
    ----------
    scores : ndarray of shape (n_articles, n_labels), float32
        Each from a model that did not see the article.
    gold : sequence of sequences of int
        Columns of the labels of each article, primary first; may be empty.
    ranks : ndarray of the shape of `scores` or None
        What orders the labels; the scores themselves if None.
    always_first, max_labels
        As in `Calibration`.

    Returns
    -------
    Calibration
    """
    truth = np.zeros(scores.shape, dtype=np.bool_)
    for i, columns in enumerate(gold):
        truth[i, list(columns)] = True
    slope, intercept = _fit_logistic(scores.reshape(-1, 1), truth.ravel())
    if slope < _LEAST_SLOPE:  # Of few articles, by chance: probabilities must rise with scores all the same.
        slope, intercept = _LEAST_SLOPE, _log_odds(truth.ravel())
    plain = Calibration(slope, intercept, (0.0, 0.0, 0.0), np.zeros(0, dtype=np.float32), always_first, max_labels)
    top = (scores if ranks is None else ranks).argmax(axis=1) if always_first else None
    thresholds = _thresholds(plain.holds(scores), truth, top)
    fitted = replace(plain, thresholds=thresholds)
    return replace(fitted, first=_fit_first(fitted, scores, ranks, gold))


def _fit_first(
    calibration: Calibration, scores: Scores, ranks: Scores | None, gold: Sequence[Sequence[int]]
) -> tuple[float, float, float]:
    _, stated, ordered, _ = calibration.read(scores, ranks)
    first = ordered.argmax(axis=1)
    correct = np.array([bool(g) and g[0] == k for g, k in zip(gold, first, strict=True)])
    only_stated = ranks is not None and not calibration.always_first and stated.any()
    rows = np.flatnonzero(stated.any(axis=1)) if only_stated else np.arange(len(scores))
    x = np.column_stack(_top_and_lead(scores, ordered))
    a, b, c = _fit_logistic(x[rows], correct[rows])
    return a, b, c


def _thresholds(
    probabilities: NDArray[np.float32], truth: NDArray[np.bool_], top: NDArray[np.int64] | None
) -> NDArray[np.float32]:
    """Choose the threshold of best micro-F1, then one of its own for each label with articles enough.

    Where no label need hold, of thresholds as good but for `_SAME_F1` the highest: right more often on articles of none.
    """
    lost = _SAME_F1 if top is None else 0.0
    open_ = np.ones(truth.shape, dtype=np.bool_)
    if top is not None:
        open_[np.arange(len(top)), top] = False  # Stated anyhow: no threshold decides on it.
    stated, hit = (~open_).sum(), truth[~open_].sum()
    shared = _best_threshold(probabilities[open_], truth[open_], int(stated), int(hit), int(truth.sum()), lost)
    thresholds = np.full(truth.shape[1], shared, dtype=np.float32)
    for k in range(truth.shape[1]):
        rows = open_[:, k]
        n_true = int(truth[rows, k].sum())
        if n_true >= _ENOUGH_FOR_OWN_THRESHOLD:
            own = _best_threshold(
                probabilities[rows, k],
                truth[rows, k],
                int((~rows).sum()),
                int(truth[~rows, k].sum()),
                int(truth[:, k].sum()),
                lost,
            )
            # Half way to its own: the best threshold of few articles is an optimist.
            thresholds[k] = (own + shared) / 2
    return thresholds


def _best_threshold(
    probabilities: NDArray[np.float32], truth: NDArray[np.bool_], n_stated: int, n_hit: int, n_true: int, lost: float
) -> float:
    """Return the threshold of best F1, counting `n_stated` labels of which `n_hit` are right as stated already.

    `lost` is how much of it may be given up for a higher one.
    """
    order = np.argsort(-probabilities, kind="stable")
    hits = n_hit + np.cumsum(truth[order])
    f1 = 2 * hits / (n_stated + np.arange(1, len(order) + 1) + max(n_true, 1))
    if not len(f1):
        return 0.5
    best = int((f1 >= f1.max() - lost).argmax())
    after = probabilities[order[best + 1]] if best + 1 < len(order) else 0.0
    return float(np.clip((probabilities[order[best]] + after) / 2, 0.05, 0.95))


def _top_and_lead(scores: Scores, ordered: Scores) -> tuple[Scores, Scores]:
    """Return the score of the label ranked first, and how far its rank is above the second's, at most `_MOST_LEAD`."""
    top = scores[np.arange(len(scores)), ordered.argmax(axis=1)]
    if scores.shape[1] == 1:
        return top, np.zeros(len(scores), dtype=np.float32)
    two = np.partition(ordered, -2, axis=1)[:, -2:]
    return top, np.minimum(two[:, 1] - two[:, 0], _MOST_LEAD)


def _fit_logistic(x: NDArray[np.float32], y: NDArray[np.bool_]) -> list[float]:
    """Return coefficients and intercept; of a constant outcome, a constant."""
    if y.all() or not y.any():
        return [1.0] + [0.0] * (x.shape[1] - 1) + [_log_odds(y)]
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e3, max_iter=200).fit(x, y)
    return [float(w) for w in model.coef_[0]] + [float(model.intercept_[0])]


def _log_odds(y: NDArray[np.bool_]) -> float:
    share = (y.sum() + 1) / (len(y) + 2)
    return float(np.log(share / (1 - share)))


def _sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return (1.0 / (1.0 + np.exp(-np.clip(x, -30, 30)))).astype(np.float32)
