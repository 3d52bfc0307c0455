"""How right predictions are: scores a label, of the primary label, and of the stated probabilities.

Every score is a ratio in 0..1, or None where it has no meaning (the recall of a label that no article has).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.errors import DataError, UnknownLabelError
from classifier.labels import regions_of
from classifier.prediction import Label, Prediction

__all__ = [
    "ConfidentError",
    "CoveragePoint",
    "Evaluation",
    "LabelScores",
    "PrimaryPair",
    "ReliabilityBin",
    "TaskEvaluation",
    "bootstrap_interval",
    "confident_errors",
    "evaluate",
]

_N_BINS = 10
_COVERAGES = tuple(percent / 100 for percent in range(10, 101, 10))

_Codes = tuple[str, ...]
_Gold = Mapping[str, Sequence[Sequence[str] | None]]


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Scores of one label, over all the labels of an article.

    Attributes
    ----------
    code : str
    support, predicted : int
        Articles that have the label, and articles for which it is stated.
    precision, recall : float or None
        0..1; None if the label is never stated, or if no article has it.
    f1 : float
        0..1
    """

    code: str
    support: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The articles whose first label is stated with a probability in low..high.

    Attributes
    ----------
    low, high : float
        0..1; `high` is outside, except 1.
    n_articles : int
        1 or more: empty bins are left out.
    probability : float
        Mean of the stated probabilities, 0..1.
    accuracy : float
        Share whose first label is the primary one, 0..1.
    """

    low: float
    high: float
    n_articles: int
    probability: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """What is right when only the most confident predictions are kept.

    Attributes
    ----------
    coverage : float
        Share of articles that are kept, above 0 and up to 1.
    n_articles : int
    threshold : float
        Lowest probability that is kept, 0..1; 0 if predictions without a label are among them.
    accuracy : float
        Primary accuracy of those kept, 0..1. Articles of one probability are kept in part, each as much as the others.
    """

    coverage: float
    n_articles: int
    threshold: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class PrimaryPair:
    """How many articles have `gold` as primary label and `predicted` as first stated one; None stands for no label."""

    gold: str | None
    predicted: str | None
    count: int


@dataclass(frozen=True, slots=True)
class TaskEvaluation:
    """The scores of one task, over the articles whose labels are known.

    Attributes
    ----------
    n_articles, n_none : int
        Articles with known labels, and those of them that were read and have none.
    labels : tuple of LabelScores
        Most frequent first.
    micro_precision, micro_recall, micro_f1 : float or None
        Over all (article, label) pairs, 0..1.
    macro_f1 : float or None
        Mean F1 of the labels with at least `Evaluation.min_support` articles, 0..1.
    primary_accuracy : float
        Share of articles whose first stated label is the primary one, 0..1; stating none is right where there is none.
    primary_accuracy_interval : tuple of float
        Its 95% bootstrap interval.
    primary_macro_f1 : float or None
        F1 of the primary label, mean of all labels that are primary somewhere, 0..1.
    top_in_gold : float or None
        Among articles with labels, the share whose first stated label is one of them, 0..1.
    none_recall : float or None
        Among articles without labels, the share for which none is stated, 0..1.
    calibration_error : float or None
        Expected calibration error of the first label: mean gap between probability and accuracy of 10 bins, weighted
        by their size, 0..1.
    reliability : tuple of ReliabilityBin
        By rising probability.
    coverage : tuple of CoveragePoint
        At 10%, 20% .. 100% of the articles.
    primary_pairs : tuple of PrimaryPair
        The confusion matrix of primary labels without its zeros, most frequent first.
    """

    n_articles: int
    n_none: int
    labels: tuple[LabelScores, ...]
    micro_precision: float | None
    micro_recall: float | None
    micro_f1: float | None
    macro_f1: float | None
    primary_accuracy: float
    primary_accuracy_interval: tuple[float, float]
    primary_macro_f1: float | None
    top_in_gold: float | None
    none_recall: float | None
    calibration_error: float | None
    reliability: tuple[ReliabilityBin, ...]
    coverage: tuple[CoveragePoint, ...]
    primary_pairs: tuple[PrimaryPair, ...]

    def most_confused(self, n_pairs: int = 10) -> list[PrimaryPair]:
        """Return the most frequent pairs of different primary labels."""
        return [pair for pair in self.primary_pairs if pair.gold != pair.predicted][:n_pairs]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of predictions.

    Attributes
    ----------
    tasks : mapping of str to TaskEvaluation
        Tasks without a known label are not in it.
    min_support : int
        Articles that a label needs to count in `macro_f1`.
    """

    tasks: Mapping[str, TaskEvaluation]
    min_support: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values in a stable order, ready for JSON: no NaN, what has no meaning is None."""
        return asdict(self, dict_factory=_json_object)


@dataclass(frozen=True, slots=True)
class ConfidentError:
    """A wrong first label.

    Attributes
    ----------
    index : int
        Position among the predictions.
    task : str
    gold : tuple of str
        The right labels, the primary one first.
    predicted : str
        The label that was stated first.
    probability : float
        0..1
    """

    index: int
    task: str
    gold: tuple[str, ...]
    predicted: str
    probability: float


def evaluate(predictions: Sequence[Prediction], gold: _Gold, *, min_support: int = 5) -> Evaluation:
    """Score predictions against the right labels.

    Parameters
    ----------
    predictions : sequence of Prediction
    gold : mapping of str to sequence
        Task -> for each prediction its labels, the primary one first: [] if it was read and has none, None if its
        labels are unknown, which leaves it out of the task. Regions that are not given are those of the countries.
    min_support : int
        Articles that a label needs to count in `macro_f1`, 1 or more.

    Returns
    -------
    Evaluation

    Raises
    ------
    DataError
        If there is nothing to score, a column is not as long as the predictions, a cell is not a list of codes, or a
        stated probability is outside 0..1.
    UnknownLabelError
        If the predictions have no such task.
    """
    if len(predictions) == 0:
        raise DataError("there are no predictions to evaluate")
    tasks = {}
    for task, column in _gold_columns(predictions, gold).items():
        known = [i for i, codes in enumerate(column) if codes is not None]
        if known:
            stated = [_checked(predictions[i][task], i, task) for i in known]
            tasks[task] = _evaluate_task([column[i] or () for i in known], stated, min_support)
    if not tasks:
        raise DataError(f"none of the {len(predictions)} articles has a known label: give labels for at least one task")
    return Evaluation(tasks, min_support)


def confident_errors(
    predictions: Sequence[Prediction], gold: _Gold, task: str, n_errors: int = 20
) -> list[ConfidentError]:
    """Return the articles whose first label is wrong, those stated with the highest probability first.

    Parameters
    ----------
    predictions, gold
        As for `evaluate`.
    task : str
    n_errors : int
        How many at most, 0 or more.

    Returns
    -------
    list of ConfidentError

    Raises
    ------
    UnknownLabelError
        If there is no such task.
    """
    columns = _gold_columns(predictions, gold)
    if task not in columns:
        raise UnknownLabelError(f"task must be one of {', '.join(columns)}, got {task!r}")
    errors = []
    for index, codes in enumerate(columns[task]):
        first = next(iter(predictions[index][task]), None)
        if codes is not None and first is not None and codes[:1] != (first.code,):
            errors.append(ConfidentError(index, task, codes, first.code, first.probability))
    return sorted(errors, key=lambda error: -error.probability)[:n_errors]


def bootstrap_interval(values: npt.ArrayLike, seed: int = 0, *, n_resamples: int = 2000) -> tuple[float, float]:
    """Return the 95% bootstrap interval (percentiles) of the mean of scores of articles, such as right or wrong.

    Parameters
    ----------
    values : array-like of shape (n_articles,)
    seed : int
        0 or more; the same seed gives the same interval.
    n_resamples : int
        1 or more.

    Returns
    -------
    low, high : float

    Raises
    ------
    DataError
        If there are no values.
    """
    scores = np.asarray(values, dtype=np.float64)
    if scores.size == 0:
        raise DataError("there are no values to take an interval of")
    rng = np.random.default_rng(seed)
    # One resample at a time: all at once would need n_resamples * n_articles integers.
    means = [scores[rng.integers(scores.size, size=scores.size)].mean() for _ in range(n_resamples)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def _gold_columns(predictions: Sequence[Prediction], gold: _Gold) -> dict[str, list[_Codes | None]]:
    """Check the gold labels; add the regions of the countries if the predictions state regions."""
    columns = {task: _gold_column(task, column, len(predictions)) for task, column in gold.items()}
    if "country" in columns and "region" not in columns and all("region" in p.tasks for p in predictions):
        columns["region"] = [None if codes is None else tuple(regions_of(codes)) for codes in columns["country"]]
    return columns


def _gold_column(task: str, column: Sequence[Sequence[str] | None], n_articles: int) -> list[_Codes | None]:
    if len(column) != n_articles:
        raise DataError(f"gold[{task!r}] has {len(column)} entries for {n_articles} predictions: give one for each")
    return [None if cell is None else _cell_codes(cell, f"gold[{task!r}][{i}]") for i, cell in enumerate(column)]


def _cell_codes(cell: object, where: str) -> _Codes:
    """Return the codes of a cell, each once; a bare str, whose letters would pass for codes, is refused."""
    if isinstance(cell, str) or not isinstance(cell, Iterable):
        raise DataError(f"{where} must be a list of codes or None, got {cell!r:.40}")
    codes = tuple(cell)
    if not all(isinstance(code, str) for code in codes):
        raise DataError(f"{where} must hold codes of type str, got {codes!r:.40}")
    return tuple(dict.fromkeys(codes))


def _checked(labels: tuple[Label, ...], index: int, task: str) -> tuple[Label, ...]:
    if labels and not 0 <= labels[0].probability <= 1:
        raise DataError(f"prediction {index} states {task} with probability {labels[0].probability}, outside 0..1")
    return labels


def _evaluate_task(gold: list[_Codes], stated: list[tuple[Label, ...]], min_support: int) -> TaskEvaluation:
    predicted = [tuple(label.code for label in labels) for labels in stated]
    first, first_gold = [codes[:1] for codes in predicted], [codes[:1] for codes in gold]
    right = np.array([g == p for g, p in zip(first_gold, first, strict=True)])
    # An article without a label is the first to go when only the most confident are kept.
    confidence = np.array([labels[0].probability if labels else 0.0 for labels in stated], dtype=np.float64)
    is_stated = np.array([bool(codes) for codes in predicted])
    reliability = _reliability(confidence[is_stated], right[is_stated])
    labels = _label_scores(gold, predicted)
    return TaskEvaluation(
        n_articles=len(gold),
        n_none=sum(not codes for codes in gold),
        labels=labels,
        **_micro_scores(gold, predicted),
        macro_f1=_macro_f1(labels, min_support),
        primary_accuracy=float(right.mean()),
        primary_accuracy_interval=bootstrap_interval(right),
        primary_macro_f1=_macro_f1(_label_scores(first_gold, first), 1),
        top_in_gold=_share([bool(p) and p[0] in g for g, p in zip(gold, predicted, strict=True) if g]),
        none_recall=_share([not p for g, p in zip(gold, predicted, strict=True) if not g]),
        calibration_error=_calibration_error(reliability),
        reliability=reliability,
        coverage=_coverage(confidence, right),
        primary_pairs=_primary_pairs(first_gold, first),
    )


def _label_scores(gold: list[_Codes], predicted: list[_Codes]) -> tuple[LabelScores, ...]:
    hits, support, stated = _counts(gold, predicted)
    codes = sorted(support | stated, key=lambda code: (-support[code], code))
    return tuple(
        LabelScores(
            code=code,
            support=support[code],
            predicted=stated[code],
            precision=_ratio(hits[code], stated[code]),
            recall=_ratio(hits[code], support[code]),
            f1=2 * hits[code] / (support[code] + stated[code]),
        )
        for code in codes
    )


def _counts(gold: list[_Codes], predicted: list[_Codes]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Count, a code, the articles where it is right, where it is in gold, and where it is stated."""
    hits: Counter[str] = Counter()
    support: Counter[str] = Counter()
    stated: Counter[str] = Counter()
    for g, p in zip(gold, predicted, strict=True):
        hits.update(set(g) & set(p))
        support.update(set(g))
        stated.update(set(p))
    return hits, support, stated


def _micro_scores(gold: list[_Codes], predicted: list[_Codes]) -> dict[str, float | None]:
    hits, support, stated = (counter.total() for counter in _counts(gold, predicted))
    return {
        "micro_precision": _ratio(hits, stated),
        "micro_recall": _ratio(hits, support),
        "micro_f1": _ratio(2 * hits, support + stated),
    }


def _macro_f1(labels: Iterable[LabelScores], min_support: int) -> float | None:
    # A label that no article has would pull the mean down by as much as the model happens to know labels.
    return _share([label.f1 for label in labels if label.support >= max(min_support, 1)])


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _share(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _reliability(probability: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> tuple[ReliabilityBin, ...]:
    bins = np.minimum((probability * _N_BINS).astype(int), _N_BINS - 1)
    return tuple(
        ReliabilityBin(
            low=int(i) / _N_BINS,
            high=(int(i) + 1) / _N_BINS,
            n_articles=int((bins == i).sum()),
            probability=float(probability[bins == i].mean()),
            accuracy=float(right[bins == i].mean()),
        )
        for i in np.unique(bins)
    )


def _calibration_error(bins: Sequence[ReliabilityBin]) -> float | None:
    n_articles = sum(b.n_articles for b in bins)
    return sum(abs(b.probability - b.accuracy) * b.n_articles for b in bins) / n_articles if bins else None


def _coverage(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> tuple[CoveragePoint, ...]:
    # Articles of one probability share their mean accuracy, or the curve would depend on the order of the file.
    _, group = np.unique(confidence, return_inverse=True)
    accuracy = (np.bincount(group, weights=right) / np.bincount(group))[group]
    order = np.argsort(-confidence, kind="stable")
    running = np.cumsum(accuracy[order]) / np.arange(1, order.size + 1)
    kept = [max(1, round(share * order.size)) for share in _COVERAGES]
    return tuple(
        CoveragePoint(share, n, float(confidence[order[n - 1]]), float(running[n - 1]))
        for share, n in zip(_COVERAGES, kept, strict=True)
    )


def _primary_pairs(gold: list[_Codes], predicted: list[_Codes]) -> tuple[PrimaryPair, ...]:
    counts = Counter(zip(gold, predicted, strict=True))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(PrimaryPair(next(iter(g), None), next(iter(p), None), count) for (g, p), count in ranked)


def _json_object(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in items}
