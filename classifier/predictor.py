"""`Predictor`: loads a saved model and labels articles."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classifier.article import Article
from classifier.errors import ClassifierError, DataError, InvalidTextError, ModelFormatError
from classifier.prediction import Prediction
from classifier.scorer import Scorer

if TYPE_CHECKING:
    import pandas as pd

    from classifier.explain import Explanation
    from classifier.passages import Passage

__all__ = ["Predictor", "to_articles"]


class Predictor:
    """Labels articles by a trained model.

    Parameters
    ----------
    scorer : Scorer
        As `Predictor.load` reads it.
    n_jobs : int or None
        Threads, in joblib's terms; the labels do not depend on it.
    """

    def __init__(self, scorer: Scorer, n_jobs: int | None = None) -> None:
        self.scorer = scorer
        self.n_jobs = n_jobs

    @classmethod
    def load(cls, path: str | Path | None = None, *, trusted: bool = False, n_jobs: int | None = None) -> "Predictor":
        """Load a model folder, or the shipped news model.

        Parameters
        ----------
        path : str, Path or None
            A folder that ``train.py`` wrote; None for the model in the package.
        trusted : bool
            Also load joblib files. They can run any code: only of people whom you would let use your keyboard.
        n_jobs : int or None
            Threads.

        Raises
        ------
        ModelFormatError
            If the folder is missing, damaged, or not of a format that this version reads; if the file is a joblib
            file and `trusted` is False.
        """
        from classifier.persistence import load_scorer, shipped_model

        if path is not None and Path(path).suffix in (".joblib", ".pkl", ".pickle"):
            return cls(_load_joblib(Path(path), trusted=trusted), n_jobs)
        return cls(load_scorer(shipped_model() if path is None else Path(path)), n_jobs)

    @property
    def tasks(self) -> list[str]:
        """The tasks that have scores of their own."""
        return list(self.scorer.tasks)

    @property
    def derived_tasks(self) -> list[str]:
        """The tasks that follow from others."""
        return self.scorer.derived_tasks

    def labels(self, task: str) -> list[str]:
        """Return the labels of a task, the columns of `predict_proba`; UnknownLabelError names the tasks there are."""
        return self.scorer.labels(task)

    def predict(self, articles: "Sequence[str | Article] | pd.Series[str]") -> list[Prediction]:
        """Label articles.

        Parameters
        ----------
        articles : sequence (or Series) of str or Article
            A str is a page as scraped: it goes through `Article.from_page`.

        Returns
        -------
        list of Prediction
            In the articles' order.

        Raises
        ------
        InvalidTextError
            If `articles` is one str, or an element is neither str nor Article; names its index.
        """
        return self.scorer.predict(to_articles(articles), self.n_jobs)

    def predict_proba(self, articles: "Sequence[str | Article] | pd.Series[str]", task: str) -> NDArray[np.float32]:
        """Return the probability that each label of a task holds.

        Returns
        -------
        ndarray of shape (n_articles, n_labels), float32, 0..1
            Columns are ``labels(task)``. Several labels may hold: rows do not sum to one.
        """
        return self.scorer.predict_proba(to_articles(articles), task)

    def explain(self, page: str | Article, task: str, label: str | None = None) -> "Explanation":
        """Say what each piece of an article adds to the score of a label.

        Parameters
        ----------
        page : str or Article
            A str is a page as scraped, and the offsets count in it.
        task : str
            One of `tasks` or `derived_tasks`.
        label : str or None
            None for the primary label, or the highest score if none is stated.

        Returns
        -------
        Explanation
            Its `spans` and `intercept` sum to its `score`.

        Raises
        ------
        InvalidTextError
            If `page` is neither str nor Article.
        UnknownLabelError
            If the model has no such task or label.
        """
        from classifier.explain import explain

        return explain(self.scorer, to_articles([page])[0], task, label)

    def passages(self, page: str | Article) -> "list[Passage]":
        """Split a page into its stories and label each; most pages are one.

        Parameters
        ----------
        page : str or Article
            A str is a page as scraped, and the offsets count in it.

        Returns
        -------
        list of Passage
            In the order of the page, at least one.

        Raises
        ------
        InvalidTextError
            If `page` is neither str nor Article.
        """
        from classifier.passages import passages

        return passages(self.scorer, to_articles([page])[0])

    def predict_frame(self, frame: "pd.DataFrame", text: str = "text", title: str | None = "title") -> "pd.DataFrame":
        """Label the rows of a table.

        Parameters
        ----------
        frame : DataFrame
        text, title : str
            Columns; without a column `title` the texts are taken as pages.

        Returns
        -------
        DataFrame
            With the index of `frame`: a column a task with the primary label, one with ``_probability``, one with all
            labels (``_all``), and ``error``: a bad row has a reason there and nothing else.

        Raises
        ------
        DataError
            If there is no column `text`.
        """
        if text not in frame.columns:
            raise DataError(f"the table has no column {text!r}, only {', '.join(map(str, frame.columns))}")
        titles = frame[title] if title in frame.columns else [None] * len(frame)
        table = predict_rows(self, list(frame[text]), list(titles))
        table.index = frame.index
        return table


def predict_rows(predictor: Predictor, texts: Sequence[Any], titles: Sequence[Any]) -> "pd.DataFrame":
    """Label rows of raw cells; a bad one gets nulls and an `error`."""
    import pandas as pd

    articles = [_row_article(text, title) for text, title in zip(texts, titles, strict=True)]
    predictions = iter(predictor.predict([a for a in articles if isinstance(a, Article)]))
    rows = [_flat(next(predictions)) if isinstance(a, Article) else {} for a in articles]
    names = [
        name + end for name in [*predictor.tasks, *predictor.derived_tasks] for end in ("", "_probability", "_all")
    ]
    table = pd.DataFrame(rows, columns=names)
    table["error"] = pd.Series([a if isinstance(a, str) else None for a in articles], dtype=object)
    return table


def to_articles(articles: "Sequence[str | Article] | pd.Series[str]") -> list[Article]:
    """Check a sequence of texts and articles, and take each text for a page.

    Raises
    ------
    InvalidTextError
        If it is one str, or no sequence, or an element is neither str nor Article; names its index.
    """
    kind = type(articles).__name__
    if isinstance(articles, str | bytes | Article):
        raise InvalidTextError(f"articles must be a sequence, got one {kind}: pass [article]")
    if isinstance(articles, Mapping) or hasattr(articles, "columns") or not isinstance(articles, Iterable):
        raise InvalidTextError(f"articles must be a sequence of str and Article, got {kind}: pass its column of texts")
    return [_to_article(i, article) for i, article in enumerate(articles)]


def _to_article(i: int, article: object) -> Article:
    if isinstance(article, Article):
        return article
    if isinstance(article, str):
        return Article.from_page(article)
    raise InvalidTextError(f"articles[{i}] must be str or Article, got {article!r:.40}")


def _row_article(text: object, title: object) -> Article | str:
    """Return the article of a row, or why it has none."""
    if not isinstance(text, str):
        return f"the text must be str, got {text!r:.40}"
    if not text.strip():
        return "the text is empty"
    try:
        return Article(text, title) if isinstance(title, str) and title.strip() else Article.from_page(text)
    except ClassifierError as error:  # a page of HTML without an article
        return str(error)


def _flat(prediction: Prediction) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for task, labels in prediction.tasks.items():
        row[task] = labels[0].code if labels else None
        row[f"{task}_probability"] = labels[0].probability if labels else None
        row[f"{task}_all"] = [label.code for label in labels]
    return row


def _load_joblib(path: Path, *, trusted: bool) -> Scorer:
    if not trusted:
        raise ModelFormatError(
            f"{path}: a joblib file can run any code when it is loaded: pass trusted=True if you made it yourself, "
            "or ask for a model folder"
        )
    import pickle

    import joblib

    try:
        model = joblib.load(path)
    except (OSError, EOFError, pickle.UnpicklingError, ValueError, KeyError, AttributeError, ImportError) as error:
        raise ModelFormatError(f"{path}: not a readable joblib file: {error}") from error
    scorer = getattr(model, "scorer_", model)
    if not isinstance(scorer, Scorer):
        raise ModelFormatError(f"{path}: holds a {type(model).__name__}, not a fitted NewsClassifier")
    return scorer
