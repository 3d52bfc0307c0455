"""`NewsClassifier`: the trainable model as a scikit-learn estimator."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from classifier.article import Article
from classifier.config import Config
from classifier.errors import DataError
from classifier.persistence import load_base
from classifier.prediction import Prediction
from classifier.predictor import to_articles
from classifier.scorer import NONE, Scorer
from classifier.training import Labels, train

__all__ = ["NewsClassifier"]


class NewsClassifier(ClassifierMixin, BaseEstimator):
    """Labels articles by any number of tasks at once.

    Tasks ``topic`` and ``country`` have the shipped scheme's names, ``region`` follows from ``country``; a task of any
    other name takes whatever labels its column holds.

    Parameters
    ----------
    preset : {"news", "char"}
        ``"news"``: title, lead, whole page and place mentions; ``"char"``: plain character n-grams of the page.
    config : Config or None
        Takes the place of the preset.
    base : str, Path, Scorer or None
        A trained model whose scores are features too, for tasks with few labels: a folder, or ``"shipped"``. It
        should not have been trained on the articles given to `fit`.
    seed : int
        Same data and seed, same model.
    n_jobs : int or None
        Threads of `fit` and `predict`, in joblib's terms; they change no result.

    Attributes
    ----------
    scorer_ : Scorer
        The trained model as plain arrays.
    classes_ : dict of str to ndarray of str
        The labels of each task, the columns of its scores.

    Examples
    --------
    >>> texts = ["فاز الفريق بالمباراة", "سجل اللاعب هدفا", "ارتفعت أسعار النفط", "خفض البنك الفائدة"]
    >>> model = NewsClassifier(preset="char").fit(texts, {"section": ["sports", "sports", "economy", "economy"]})
    >>> model.predict(["خسر الفريق المباراة"])[0]["section"][0].code
    'sports'
    """

    def __init__(
        self,
        *,
        preset: str = "news",
        config: Config | None = None,
        base: str | Path | Scorer | None = None,
        seed: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.preset = preset
        self.config = config
        self.base = base
        self.seed = seed
        self.n_jobs = n_jobs

    def fit(
        self,
        articles: Sequence[str | Article],
        y: pd.DataFrame | Mapping[str, Sequence[Any]],
        *,
        groups: Sequence[str] | None = None,
        sample_weight: NDArray[np.float32] | None = None,
    ) -> Self:
        """Learn all tasks.

        Parameters
        ----------
        articles : sequence of str or Article
        y : DataFrame or mapping of task to column
            A cell is a label, a list of labels (the first is primary; empty or ``-``: read, and none) or missing
            (unknown).
        groups : sequence of str or None
            Articles of a group are held out together when thresholds and calibration are fitted.
        sample_weight : ndarray of shape (n_articles,) or None

        Returns
        -------
        self

        Raises
        ------
        DataError
            If a column's length differs from that of `articles`, a task has fewer than two labels, or a weight is
            negative.
        ConfigError
            If the configuration does not fit the base.
        ModelFormatError
            If the base can't be loaded.
        InvalidTextError
            If an article is neither str nor Article.
        """
        if not isinstance(y, pd.DataFrame | Mapping):
            raise DataError(f"y must be a DataFrame or a mapping of task to column, got {type(y).__name__}")
        checked = to_articles(articles)
        columns = {str(task): to_labels(column) for task, column in y.items()}
        for task, column in columns.items():
            _check_length(f"y[{task!r}]", column, checked)
        if groups is not None:
            _check_length("groups", groups, checked)
        if sample_weight is not None:
            _check_length("sample_weight", sample_weight, checked)
            sample_weight = _weights(sample_weight)
        config = self.config or Config.from_preset(self.preset)
        config = config.replace_seed(self.seed)
        base = self.base if self.base is None or isinstance(self.base, Scorer) else load_base(self.base)
        self.scorer_ = train(
            checked, columns, config, base=base, groups=groups, sample_weight=sample_weight, n_jobs=self.n_jobs
        )
        self.classes_ = {name: np.array(task.labels) for name, task in self.scorer_.tasks.items()}
        return self

    def predict(self, articles: Sequence[str | Article]) -> list[Prediction]:
        """Label articles; see `Predictor.predict`."""
        check_is_fitted(self)
        return self.scorer_.predict(to_articles(articles), self.n_jobs)

    def decision_function(self, articles: Sequence[str | Article], task: str) -> NDArray[np.float32]:
        """Return raw scores of a task, ndarray of shape (n_articles, n_labels)."""
        check_is_fitted(self)
        return self.scorer_.decision_function(to_articles(articles), task)

    def predict_proba(self, articles: Sequence[str | Article], task: str) -> NDArray[np.float32]:
        """Return the probability that each label holds, ndarray of shape (n_articles, n_labels), 0..1.

        Rows of a task with several labels an article do not sum to one.
        """
        check_is_fitted(self)
        return self.scorer_.predict_proba(to_articles(articles), task)


def _check_length(name: str, rows: Sequence[Any] | NDArray[Any], articles: Sequence[Article]) -> None:
    if len(rows) != len(articles):
        raise DataError(f"{name} has {len(rows)} rows, articles has {len(articles)}: give one a row")


def _weights(sample_weight: NDArray[np.float32]) -> NDArray[np.float32]:
    weights = np.asarray(sample_weight, dtype=np.float32)
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise DataError("sample_weight must be finite, 0 or more, and above 0 for some article")
    return weights


def to_labels(column: "Sequence[Any] | pd.Series[Any]") -> Labels:
    """Turn cells (a label, a list, missing) into lists; None where missing."""
    return [_cell(cell) for cell in column]


def _cell(cell: Any) -> list[str] | None:  # noqa: ANN401  (a user's cell is any)
    if isinstance(cell, str):
        return [] if cell == NONE else [cell]
    if isinstance(cell, list | tuple | np.ndarray):
        return [str(label) for label in cell]
    return None if cell is None or pd.isna(cell) else [str(cell)]
