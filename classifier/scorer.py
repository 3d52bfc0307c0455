"""`Scorer`: a trained model as plain arrays; articles in, scores and predictions out. Needs no scikit-learn."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray

from classifier import blocks as blocks_
from classifier import ngrams
from classifier.article import Article
from classifier.blocks import Block, BlockScorer, Reading
from classifier.calibration import Calibration
from classifier.config import BlockConfig, Config
from classifier.errors import UnknownLabelError
from classifier.gazetteer import Gazetteer
from classifier.labels import REGION_OF, name_of
from classifier.places import PlacePairs, place_features
from classifier.prediction import Label, Prediction

__all__ = ["NONE", "PlaceHead", "Scorer", "Task"]

NONE = "-"
"""The pseudo-label of articles that were read and hold no label; its score is evidence against all others."""
_BATCHES_A_THREAD = 4
"""At least, so that no thread waits long for the last one."""
DERIVED_TASK, SOURCE_TASK = "region", "country"

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PlaceHead:
    """Weights of place mentions, shared by all countries.

    The score of a country is ``mentions @ weights`` (`unmentioned` if there are none) ``+ ngram * head +
    none * NONE's head + intercept``; a country without a head of its own gets `headless` in place of its part.

    Attributes
    ----------
    weights : ndarray of shape (n_place_features,), float32
    unmentioned, ngram, headless, none, intercept : float
    """

    weights: NDArray[np.float32]
    unmentioned: float
    ngram: float
    headless: float
    none: float
    intercept: float


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a model.

    Attributes
    ----------
    name : str
    labels : tuple of str
        The columns of its scores.
    heads : tuple of str
        The labels (and `NONE`) that have n-gram weights, in the order of their columns. Of a task without place
        mentions the labels; twice if articles have several: heads that say which hold, then such that say which is
        primary.
    columns : slice
        Where the task's heads are among all heads.
    calibration : Calibration
    place : PlaceHead or None
        None for a task of n-grams alone; then `heads` are `labels`.
    order : PlaceHead or None
        What orders the labels stated, central first, of a task with place mentions.
    """

    name: str
    labels: tuple[str, ...]
    heads: tuple[str, ...]
    columns: slice
    calibration: Calibration
    place: PlaceHead | None = None
    order: PlaceHead | None = None

    @property
    def has_order_heads(self) -> bool:
        """Whether heads of their own say which label is primary."""
        return self.heads == self.labels * 2


class ScoredBatch(NamedTuple):
    """Scores of a batch of articles.

    Attributes
    ----------
    scores : dict of str to ndarray of shape (n_articles, n_labels), float32
    ranks : dict of str to ndarray of the same shape, or None where the scores give the order
    known : ndarray of shape (n_articles,), bool
        Which articles have evidence at all.
    """

    scores: dict[str, Scores]
    ranks: dict[str, Scores | None]
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Scorer:
    """A trained model.

    Look-up tables and caches of words are made when first needed and kept for the next call, a set a thread at work.

    Attributes
    ----------
    config : Config
    blocks : tuple of Block
    coefs : tuple of ndarray of shape (n_ngrams, n_block_heads), int8 or float32
        One a block, over the heads of the block's tasks.
    scales : tuple of ndarray of shape (n_block_heads,), float32
    intercepts : ndarray of shape (n_heads,), float32
    tasks : mapping of str to Task
    gazetteer : Gazetteer or None
    """

    config: Config
    blocks: tuple[Block, ...]
    coefs: tuple[NDArray[Any], ...]
    scales: tuple[NDArray[np.float32], ...]
    intercepts: NDArray[np.float32]
    tasks: Mapping[str, Task]
    gazetteer: Gazetteer | None
    _idle: list[list[BlockScorer]] = field(default_factory=list, init=False, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be made again."""
        state = {name: value for name, value in self.__dict__.items() if name != "_vocabularies"}
        return {**state, "_idle": []}

    @property
    def derived_tasks(self) -> list[str]:
        """The tasks that follow from others: ``region`` from ``country``."""
        return [DERIVED_TASK] if SOURCE_TASK in self.tasks and DERIVED_TASK not in self.tasks else []

    def labels(self, task: str) -> list[str]:
        """Return the labels of a task, in the order of the columns of its scores.

        Raises
        ------
        UnknownLabelError
            If the model has no such task.
        """
        return list(self._task(task).labels)

    def decision_function(self, articles: Sequence[Article], task: str) -> Scores:
        """Return raw scores, ndarray of shape (n_articles, n_labels), float32."""
        wanted = self._task(task)
        parts = [scored.scores[task] for scored in self.score_batches(articles)]
        return np.concatenate([np.zeros((0, len(wanted.labels)), dtype=np.float32), *parts])

    def predict_proba(self, articles: Sequence[Article], task: str) -> Scores:
        """Return the probability that each label holds, ndarray of shape (n_articles, n_labels), float32."""
        scores = self.decision_function(articles, task)
        return self._task(task).calibration.holds(scores)

    def predict(self, articles: Sequence[Article], n_jobs: int | None = None) -> list[Prediction]:
        """Label articles; `n_jobs` threads, which do not change the result."""
        n_threads = min(effective_n_jobs(n_jobs), max(1, len(articles) // 64))
        if n_threads == 1:
            return self._predict_part(articles)
        most = len(articles) // (_BATCHES_A_THREAD * n_threads) + 1
        with ThreadPoolExecutor(n_threads) as threads:
            done = threads.map(self._predict_part, blocks_.batches(articles, most))
            return [prediction for part in done for prediction in part]

    def score_batches(self, articles: Sequence[Article]) -> Iterator[ScoredBatch]:
        """Yield scores, ranks and which articles have evidence at all, a batch of articles at a time."""
        try:
            scorers = self._idle.pop()
        except IndexError:
            scorers = self._new_scorers()
        for batch in blocks_.batches(articles):
            yield self._score(batch, scorers)
        self._idle.append(scorers)

    def _new_scorers(self) -> list[BlockScorer]:
        parts = zip(self._vocabularies, self.blocks, self.coefs, self.scales, strict=True)
        return [BlockScorer(block, vocabulary, coef, scale) for vocabulary, block, coef, scale in parts]

    @cached_property
    def _vocabularies(self) -> list[ngrams.Vocabulary]:
        return [ngrams.build_vocabulary(block.keys) for block in self.blocks]

    def _predict_part(self, articles: Sequence[Article]) -> list[Prediction]:
        predictions: list[Prediction] = []
        for scored in self.score_batches(articles):
            batch = articles[len(predictions) : len(predictions) + len(scored.known)]
            predictions.extend(self.decide(scored, [a.id for a in batch]))
        return predictions

    def decide(self, scored: ScoredBatch, ids: Sequence[str | None]) -> list[Prediction]:
        """Turn scores into predictions."""
        stated = {
            name: _state(self.tasks[name], scores, scored.ranks[name], scored.known)
            for name, scores in scored.scores.items()
        }
        for name in self.derived_tasks:
            stated[name] = [_regions(labels) for labels in stated[SOURCE_TASK]]
        rows = zip(*stated.values(), strict=True)
        return [Prediction(dict(zip(stated, row, strict=True)), id_) for row, id_ in zip(rows, ids, strict=True)]

    def _score(self, articles: Sequence[Article], scorers: Sequence[BlockScorer]) -> ScoredBatch:
        reading = self.read(articles)
        heads, known = self._score_heads(reading, scorers)
        pairs = self.place_pairs(reading, articles) if self.gazetteer is not None else None
        scores = {name: self._task_scores(task, task.place, heads, pairs) for name, task in self.tasks.items()}
        ranks = {name: self._task_ranks(task, heads, pairs) for name, task in self.tasks.items()}
        return ScoredBatch(scores, ranks, known)

    def read(self, articles: Sequence[Article]) -> Reading:
        """Return articles as the blocks read them."""
        return blocks_.read(articles, self.config, self.gazetteer)

    def head_scores(self, reading: Reading) -> Scores:
        """Return the scores of all heads from n-grams alone, ndarray of shape (n_articles, n_heads), float32."""
        return self._score_heads(reading, self._new_scorers())[0]

    def _score_heads(self, reading: Reading, scorers: Sequence[BlockScorer]) -> tuple[Scores, NDArray[np.bool_]]:
        scores = np.tile(self.intercepts, (reading.n_articles, 1))
        known = np.zeros(len(scores), dtype=np.bool_)
        for scorer in scorers:
            columns = self.columns_of(scorer.block.config)
            part = np.zeros((len(scores), len(columns)), dtype=np.float32)
            known |= scorer.add_scores(reading, part)
            scores[:, columns] += part
        return scores, known

    def columns_of(self, block: BlockConfig) -> NDArray[np.int64]:
        """Return the columns of the heads that have weights in a block among all heads."""
        wanted = [task for name, task in self.tasks.items() if block.is_for(name)]
        ranges = [np.arange(t.columns.start, t.columns.stop) for t in wanted]
        return np.concatenate([np.zeros(0, dtype=np.int64), *ranges])

    def place_pairs(self, reading: Reading, articles: Sequence[Article]) -> PlacePairs:
        """Return the place features of the countries that each article names."""
        assert self.gazetteer is not None
        return place_pairs(reading, articles, self.gazetteer)

    def _task_scores(self, task: Task, place: PlaceHead | None, heads: Scores, pairs: PlacePairs | None) -> Scores:
        own = heads[:, task.columns]
        if place is None or pairs is None:
            return own[:, : len(task.labels)]
        assert self.gazetteer is not None
        return place_scores(task, place, own, pairs, self.gazetteer.countries)

    def _task_ranks(self, task: Task, heads: Scores, pairs: PlacePairs | None) -> Scores | None:
        if task.has_order_heads:
            return heads[:, task.columns][:, len(task.labels) :]
        return self._task_scores(task, task.order, heads, pairs) if task.order else None

    def _task(self, name: str) -> Task:
        if name not in self.tasks:
            raise UnknownLabelError(f"task must be one of {', '.join(self.tasks)}, got {name!r}")
        return self.tasks[name]


def place_pairs(reading: Reading, articles: Sequence[Article], gazetteer: Gazetteer) -> PlacePairs:
    """Return the features of each country that an article names."""
    assert reading.mentions is not None
    number = {country: i for i, country in enumerate(gazetteer.countries)}
    home = np.array([number.get(a.home or "", -1) for a in articles], dtype=np.int16)
    return place_features(reading.mentions, gazetteer, home)


def place_scores(task: Task, place: PlaceHead, heads: Scores, pairs: PlacePairs, countries: Sequence[str]) -> Scores:
    """Return the scores of all countries from n-gram heads and place mentions."""
    column = {label: i for i, label in enumerate(task.labels)}
    scores = np.full((len(heads), len(task.labels)), place.headless + place.unmentioned, dtype=np.float32)
    own = [i for i, label in enumerate(task.heads) if label != NONE]
    scores[:, [column[task.heads[i]] for i in own]] = place.ngram * heads[:, own] + place.unmentioned
    if NONE in task.heads:
        scores += place.none * heads[:, [task.heads.index(NONE)]]
    scores += place.intercept
    columns = np.array([column[country] for country in countries], dtype=np.int64)[pairs.country]
    # Not `@`: its rounding hangs on the number of rows, and an article must score the same in any batch.
    scores[pairs.article, columns] += (pairs.features * place.weights).sum(axis=1) - np.float32(place.unmentioned)
    return scores


def _state(task: Task, scores: Scores, ranks: Scores | None, known: NDArray[np.bool_]) -> list[tuple[Label, ...]]:
    """Return the labels that each row of scores states, in order."""
    c = task.calibration
    holds, stated, ordered, first = c.read(scores, ranks)
    preferred = scores
    if c.always_first:
        top = np.arange(len(scores)), ordered.argmax(axis=1)
        stated[top] = True
        preferred = scores.copy()
        preferred[top] = np.inf
    stated &= known[:, None]
    all_rows, all_columns = np.nonzero(stated)
    rows, columns, place = _in_order(all_rows, all_columns, preferred)
    rows, columns, place = _in_order(rows[place < c.max_labels], columns[place < c.max_labels], ordered)
    probabilities = np.where(place == 0, first[rows], holds[rows, columns])
    code, name_ar, name_en = (values[columns].tolist() for values in _names(task.name, task.labels))
    values = zip(code, name_ar, name_en, probabilities.tolist(), scores[rows, columns].tolist(), strict=True)
    labels = list(map(Label._make, values))
    bounds = np.searchsorted(rows, np.arange(len(scores) + 1)).tolist()
    return [tuple(labels[begin:end]) for begin, end in pairwise(bounds)]


def _in_order(
    rows: NDArray[np.int64], columns: NDArray[np.int64], values: Scores
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Sort cells by row, then by descending value, ties as they come; return them, and the place of each in its row."""
    order = np.lexsort((-values[rows, columns], rows))
    rows = rows[order]
    return rows, columns[order], np.arange(len(rows)) - np.searchsorted(rows, rows)


@lru_cache(maxsize=64)
def _names(task: str, labels: tuple[str, ...]) -> tuple[NDArray[np.object_], ...]:
    """Return codes, Arabic and English names of labels, an array each."""
    names = [name_of(task, code) for code in labels]
    columns = (labels, [name.name_ar for name in names], [name.name_en for name in names])
    return tuple(np.array(column, dtype=np.object_) for column in columns)


def _regions(countries: Sequence[Label]) -> tuple[Label, ...]:
    """Give each region the best of its countries."""
    best: dict[str, Label] = {}
    for label in countries:  # the best first
        if label.code in REGION_OF:
            best.setdefault(REGION_OF[label.code], label)
    return tuple([Label(*_region(code), label.probability, label.score) for code, label in best.items()])


@cache
def _region(code: str) -> tuple[str, str, str]:
    name = name_of(DERIVED_TASK, code)
    return code, name.name_ar, name.name_en
