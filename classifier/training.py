"""From labelled articles to a `Scorer`: features, heads, place weights, calibration on held-out folds."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from joblib import parallel_config
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse import hstack as sparse_hstack

from classifier import blocks as blocks_
from classifier import ngrams, stems
from classifier.article import Article
from classifier.blocks import Block, Reading
from classifier.calibration import Calibration, fit_calibration
from classifier.config import BlockConfig, Config, HeadConfig
from classifier.errors import DataError
from classifier.features import CharNgramTfidf
from classifier.gazetteer import Gazetteer, load_gazetteer
from classifier.lexicon import count_entries, load_lexicon
from classifier.places import PLACE_FEATURES, PlacePairs
from classifier.scorer import NONE, PlaceHead, Scorer, Task, place_pairs, place_scores
from classifier.solver import fit_heads, held_out_scores
from classifier.transfer import BaseFeatures, extend_config

__all__ = ["Labels", "duplicate_groups", "held_out_fold", "train"]

Labels = Sequence[Sequence[str] | None]
"""A task's column: a list of labels an article, primary first; None where they are not known."""

_HOLDS_IN_ORDER = 0.3
"""How much of the score for holding is in the one for order; docs/experiments.md."""
_FIRST_FIT_ROUNDS = 5
_CALIBRATION_ROUNDS = 8
"""Passes for held-out scores, which are within 0.02 of those of the optimum then; docs/performance.md."""
_CANDIDATE_SCORE = -0.6
"""Countries that an article does not name are candidates only from this score of their head on."""


@dataclass(slots=True)
class Plan:
    """What the heads of one task are fitted from.

    `rows` are the articles whose labels are known, `targets` (n_rows, n_heads) the heads' targets, `cost` of the same
    shape how much each counts; `calibrate_on` (n_rows,) says which of them calibration reads, None for all.
    """

    name: str
    labels: tuple[str, ...]
    heads: tuple[str, ...]
    rows: NDArray[np.int64]
    gold: list[list[str]]
    targets: NDArray[np.int8]
    cost: NDArray[np.float32]
    has_places: bool
    calibrate_on: NDArray[np.bool_] | None = None


def train(
    articles: Sequence[Article],
    labels: Mapping[str, Labels],
    config: Config,
    *,
    base: Scorer | None = None,
    groups: Sequence[str] | None = None,
    sample_weight: NDArray[np.float32] | None = None,
    calibrate_on: Mapping[str, NDArray[np.bool_]] | None = None,
    n_jobs: int | None = None,
) -> Scorer:
    """Fit a model.

    Parameters
    ----------
    articles : sequence of Article
    labels : mapping of str to Labels
        A column a task.
    config : Config
    base : Scorer or None
        A model whose scores are features too; it should not have been trained on these articles.
    groups : sequence of str or None
        Articles of a group (an outlet, say) are held out together; duplicates always are.
    sample_weight : ndarray of shape (n_articles,) or None
        Factors of C.
    calibrate_on : mapping of str to ndarray of shape (n_articles,), bool, or None
        For a task, the articles that probabilities and thresholds are fitted on, if not all: those labelled as the
        articles to come will be judged.
    n_jobs : int or None
        Threads that fit heads, in joblib's terms; they do not change the result.

    Returns
    -------
    Scorer

    Raises
    ------
    DataError
        If there is no task, or a task has fewer than two labels or articles.
    ConfigError
        If `config` does not fit `base`.
    """
    if not labels:
        raise DataError("no task to train: name one with --task NAME=COLUMN")
    config = config.for_tasks(labels)
    own_blocks = config.blocks
    if base is not None:
        config = extend_config(config, base, list(labels))
    gazetteer = _gazetteer(config, labels, base)
    plans = [_plan(name, column, config, gazetteer, (calibrate_on or {}).get(name)) for name, column in labels.items()]
    reading = blocks_.read(articles, config, gazetteer)
    blocks, matrices = _fit_blocks(reading, own_blocks, plans, config)
    start = None if base is None else BaseFeatures.of(base, reading)
    if start is not None:
        matrices.append(start.X)
    pairs = place_pairs(reading, articles, gazetteer) if gazetteer else None
    kept_together = duplicate_groups(articles, groups)
    if kept_together.max() == 0:  # One outlet alone: its articles must do.
        kept_together = duplicate_groups(articles, None)
    folds = _folds(kept_together, config)
    weights = np.ones(len(articles), dtype=np.float32) if sample_weight is None else sample_weight
    with parallel_config(**({} if n_jobs is None else {"n_jobs": n_jobs})):
        fitted = [_fit_task(plan, blocks, matrices, folds, weights, pairs, gazetteer, config) for plan in plans]
    if start is not None:
        blocks = (*blocks, *start.blocks(list(labels)))
        fitted = [_without_scores(f, start) for f in fitted]
    return assemble(config, blocks, fitted, gazetteer)


def _gazetteer(config: Config, tasks: Collection[str], base: Scorer | None) -> Gazetteer | None:
    if not config.needs_gazetteer(tasks):
        return None
    return base.gazetteer if base is not None and base.gazetteer is not None else load_gazetteer()


def _fit_blocks(
    reading: Reading, configs: Sequence[BlockConfig], plans: Sequence[Plan], config: Config
) -> tuple[tuple[Block, ...], list[csr_matrix]]:
    """Choose the vocabularies of blocks; return them and their features of the articles."""
    blocks = tuple(fit_block(count_block(reading, block), block) for block in configs)
    matrices = [block_matrix(reading, block) for block in blocks]
    if not any(block.config.keep for block in blocks):
        return blocks, matrices
    blocks = _prune(blocks, matrices, plans, config)
    return blocks, [block_matrix(reading, block) for block in blocks]


def _without_scores(fitted: "FittedTask", start: BaseFeatures) -> "FittedTask":
    *own, of_scores = fitted.coefs
    assert of_scores is not None
    coefs, intercept = start.fold(of_scores)  # the base's weights in place of its scores
    return replace(fitted, coefs=[*own, *coefs], intercept=fitted.intercept + intercept)


def duplicate_groups(articles: Sequence[Article], groups: Sequence[str] | None) -> NDArray[np.int64]:
    """Join the articles that must not be split, by group and by text; return the number of each one's whole."""
    from scipy.sparse.csgraph import connected_components

    n = len(articles)
    keys = [f"text {a.title}\n{a.text}" for a in articles]
    keys += [f"group {g}" for g in groups] if groups is not None else []
    _, nodes = np.unique(np.array(keys, dtype=object), return_inverse=True)
    rows = np.arange(len(keys)) % n
    graph = csr_matrix((np.ones(len(keys)), (rows, nodes + n)), shape=(n + len(keys), n + len(keys)))
    return np.asarray(connected_components(graph, directed=False)[1][:n], dtype=np.int64)


def held_out_fold(articles: Sequence[Article], groups: Sequence[str] | None, config: Config) -> NDArray[np.bool_]:
    """Choose a fifth of the articles to score on, no group or duplicate on both sides.

    Returns
    -------
    ndarray of shape (n_articles,), bool

    Raises
    ------
    DataError
        If all articles are one group.
    """
    folds = _folds(duplicate_groups(articles, groups), config)
    if folds.max(initial=0) == 0:
        raise DataError("all articles are one group or duplicates of one: none can be held out; use --no-report")
    return np.asarray(folds == 0)


def _folds(groups: NDArray[np.int64], config: Config) -> NDArray[np.int64]:
    """Return the fold of each article: whole groups, of about equal size, in an order that hangs on the seed alone."""
    ids, counts = np.unique(groups, return_counts=True)
    order = np.random.default_rng(config.seed).permutation(len(ids))
    order = order[np.argsort(-counts[order], kind="stable")]
    n_folds = min(config.heads.folds, len(ids))
    sizes = np.zeros(n_folds, dtype=np.int64)
    fold_of = np.zeros(len(ids), dtype=np.int64)
    for i in order:
        fold_of[i] = sizes.argmin()
        sizes[fold_of[i]] += counts[i]
    return fold_of[np.searchsorted(ids, groups)]


def count_block(reading: Reading, block: BlockConfig) -> ngrams.NgramCounts:
    """Count the n-grams that a block reads."""
    if block.reads_stems:
        counts = stems.count_tokens(reading.tokens(block), block.ngram_range)
        return count_entries(counts) if block.analyzer == "lexicon" else counts
    counter = ngrams.NgramCounter(block.ngram_range)
    counter.add(reading.encoded[block.as_written].symbols, reading.spans(block))
    return counter.counts()


def fit_block(counts: ngrams.NgramCounts, block: BlockConfig) -> Block:
    """Choose a block's vocabulary from the counts of all articles.

    Raises
    ------
    DataError
        If no n-gram is frequent enough.
    """
    if block.analyzer == "lexicon":
        return _lexicon_block(counts, block)
    vectorizer = CharNgramTfidf(min_df=block.min_df, max_features=block.max_features)
    try:
        vectorizer.fit_counts(counts)
    except ValueError as error:
        few = f"no n-gram of zone {block.zone!r} is in {block.min_df} of {counts.n_documents} articles"
        raise DataError(f"{few}: give more articles, or a configuration with a lower min_df") from error
    return Block(block, vectorizer.keys_, vectorizer.idf_)


def _lexicon_block(counts: ngrams.NgramCounts, block: BlockConfig) -> Block:
    """Return a block of all entries: what no article holds has the weight that its topics give it."""
    lexicon = load_lexicon()
    document_frequency = np.zeros(len(lexicon.keys))
    document_frequency[np.searchsorted(lexicon.keys, counts.keys)] = counts.document_frequency
    idf = np.log((1 + counts.n_documents) / (1 + document_frequency)) + 1
    return Block(block, lexicon.keys, idf.astype(np.float32), lexicon.strengths)


def block_matrix(reading: Reading, block: Block) -> csr_matrix:
    """Return the block's part of the features, (n_articles, n_columns); without projection of length `weight` each row."""
    config = block.config
    if config.reads_stems:
        X = stems.tokens_matrix(reading.tokens(config), config.ngram_range, block.keys, block.weighting())
        X.data *= np.float32(config.weight)
        return X if block.projection is None else csr_matrix((X @ block.projection).astype(np.float32))
    spans = reading.spans(config)
    n_symbols = int((spans[:, 1] - spans[:, 0]).sum())
    vocabulary = ngrams.build_vocabulary(block.keys)
    writer = ngrams.RowWriter(config.ngram_range, vocabulary, block.weighting(), n_symbols)
    writer.add(reading.encoded[config.as_written].symbols, spans)
    data, indices, indptr = writer.csr()
    data *= np.float32(config.weight)
    return csr_matrix((data, indices, indptr), shape=(len(spans), len(block.keys)))


def _prune(
    blocks: tuple[Block, ...], matrices: Sequence[csr_matrix], plans: Sequence[Plan], config: Config
) -> tuple[Block, ...]:
    """Keep the n-grams of each block that a first fit of all tasks gives most weight where they occur."""
    first_fit = replace(config, heads=replace(config.heads, max_iter=_FIRST_FIT_ROUNDS))
    moved = [np.zeros(block.n_columns) for block in blocks]
    for plan in plans:
        used = [i for i, b in enumerate(blocks) if b.config.is_for(plan.name)]
        X = _features([matrices[i] for i in used], plan.rows)
        coef, _ = fit_heads(X, plan.targets, **_solver_options(plan.cost, first_fit))
        squares = np.asarray(X.multiply(X).sum(axis=0)).ravel() * (coef**2).sum(axis=1)
        for i, part in zip(used, np.split(squares, np.cumsum([matrices[i].shape[1] for i in used])[:-1]), strict=True):
            moved[i] += part
    return tuple(_keep(block, importance) for block, importance in zip(blocks, moved, strict=True))


def _keep(block: Block, importance: NDArray[np.float64]) -> Block:
    if block.config.keep is None or block.config.keep >= len(block.keys):
        return block
    kept = np.sort(np.argsort(-importance, kind="stable")[: block.config.keep])
    return Block(block.config, block.keys[kept], block.idf[kept])


@dataclass(slots=True)
class LabelCounts:
    """How many articles have each label, and how many have it first."""

    articles: Counter[str] = field(default_factory=Counter)
    first: Counter[str] = field(default_factory=Counter)
    n_articles: int = 0

    def add(self, labels: Sequence[str]) -> None:
        """Count the labels of one more article; each of them once."""
        self.articles.update(labels)
        self.first.update(labels[:1])
        self.n_articles += 1


@dataclass(frozen=True, slots=True)
class HeadPlan:
    """The heads of one task, and what they are fitted to.

    Attributes
    ----------
    name : str
    labels, heads : tuple of str
        As in `Task`.
    first : tuple of int
        Articles that have each label or head first.
    has_places : bool
    """

    name: str
    labels: tuple[str, ...]
    heads: tuple[str, ...]
    first: tuple[int, ...]
    has_places: bool

    def targets(
        self, gold: Sequence[Sequence[str]], config: HeadConfig
    ) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Return targets and costs of articles whose labels are known, both of shape (n_articles, n_heads)."""
        if self.has_places:
            holds = _targets(gold, self.heads, ordered=False)
            return holds, np.ones(holds.shape, dtype=np.float32)
        n = len(self.labels)
        first = _targets(gold, self.labels, ordered=True)
        cost = _costs(gold, self.labels, np.array(self.first[:n]), config)
        if len(self.heads) == n:
            return first, cost
        holds = _targets(gold, self.labels, ordered=False)
        return np.hstack([holds, first]), np.hstack([np.ones_like(cost), cost])


def plan_heads(name: str, counts: LabelCounts, config: Config, gazetteer: Gazetteer | None) -> HeadPlan:
    """Choose the labels of a task that get heads.

    Raises
    ------
    DataError
        If there are fewer than two labels, or one is called as `NONE` is.
    """
    if NONE in counts.articles:
        raise DataError(f"task {name!r} has a label {NONE!r}, which stands for none: give an empty list")
    n = len(counts.articles)
    if n < 2:
        raise DataError(f"task {name!r} has {n} label(s) in {counts.n_articles} articles: at least 2 are needed")
    labels = tuple(sorted(counts.articles))
    heads = labels * 2 if counts.articles.total() > counts.first.total() else labels
    has_places = gazetteer is not None and config.places is not None and name in config.places.tasks
    if has_places:
        assert gazetteer is not None
        heads = (*(c for c in labels if counts.articles[c] >= config.heads.min_articles), NONE)
        labels = tuple(sorted({*labels, *gazetteer.countries}))
    return HeadPlan(name, labels, heads, tuple(counts.first[label] for label in heads), has_places)


def _plan(
    name: str,
    column: Labels,
    config: Config,
    gazetteer: Gazetteer | None,
    calibrate_on: NDArray[np.bool_] | None,
) -> Plan:
    rows = np.array([i for i, labels in enumerate(column) if labels is not None], dtype=np.int64)
    gold = [list(dict.fromkeys(column[i] or ())) for i in rows]
    counts = LabelCounts()
    for labels in gold:
        counts.add(labels)
    plan = plan_heads(name, counts, config, gazetteer)
    targets, cost = plan.targets(gold, config.heads)
    own = None if calibrate_on is None else calibrate_on[rows]
    return Plan(name, plan.labels, plan.heads, rows, gold, targets, cost, plan.has_places, own)


def _targets(gold: Sequence[Sequence[str]], heads: Sequence[str], *, ordered: bool) -> NDArray[np.int8]:
    """1 for a label, -1 for none; in an ordered task only the primary label is 1.

    Articles whose only labels have no head of their own count as none of the others, but not as `NONE`.
    """
    column = {label: k for k, label in enumerate(heads)}
    targets = np.full((len(gold), len(heads)), -1, dtype=np.int8)
    for i, labels in enumerate(gold):
        for label in labels[:1] if ordered else (labels or [NONE]):
            if label in column:
                targets[i, column[label]] = 1
    return targets


def _costs(
    gold: Sequence[Sequence[str]], heads: Sequence[str], sizes: NDArray[np.int64], config: HeadConfig
) -> NDArray[np.float32]:
    """Weigh the examples of an ordered task, as `HeadConfig` says; `sizes` has each head's articles."""
    column = {label: k for k, label in enumerate(heads)}
    first = np.array([column[labels[0]] if labels else -1 for labels in gold], dtype=np.int64)
    sizes = sizes.clip(1)
    row = np.where(first >= 0, (sizes.mean() / sizes[first]) ** config.balance, 1.0)
    cost = np.tile(row.astype(np.float32)[:, None], (1, len(heads)))
    for i, labels in enumerate(gold):
        for rank, label in enumerate(labels):
            cost[i, column[label]] *= config.secondary_cost if rank else config.positive_cost
    return cost


@dataclass(slots=True)
class FittedTask:
    """Heads of one task: a coefficient matrix a block (None where the block is not for the task)."""

    plan: Plan
    coefs: list[NDArray[np.float32] | None]
    intercept: NDArray[np.float32]
    task: Task


def _fit_task(
    plan: Plan,
    blocks: Sequence[Block],
    matrices: Sequence[csr_matrix],
    folds: NDArray[np.int64],
    weights: NDArray[np.float32],
    pairs: PlacePairs | None,
    gazetteer: Gazetteer | None,
    config: Config,
) -> FittedTask:
    used = [b.config.is_for(plan.name) for b in blocks]
    used += [True] * (len(matrices) - len(blocks))  # the scores of a base
    if not any(used):
        raise DataError(f"no block of the configuration is for task {plan.name!r}: change `tasks` of one")
    X = _features([m for m, use in zip(matrices, used, strict=True) if use], plan.rows)
    fold, options = folds[plan.rows], _solver_options(plan.cost * weights[plan.rows, None], config)
    rounds = min(config.heads.max_iter, _CALIBRATION_ROUNDS)
    held_out = held_out_scores(X, plan.targets, fold, **{**options, "max_iter": rounds})
    coef, intercept = fit_heads(X, plan.targets, **options)
    task = fit_decisions(plan, held_out, pairs, fold, gazetteer)
    bounds = np.cumsum([0] + [m.shape[1] if use else 0 for m, use in zip(matrices, used, strict=True)])
    parts = [coef[a:b] if use else None for a, b, use in zip(bounds[:-1], bounds[1:], used, strict=True)]
    return FittedTask(plan, parts, intercept, task)


def fit_decisions(
    plan: Plan,
    held_out: NDArray[np.float32],
    pairs: PlacePairs | None,
    fold: NDArray[np.int64],
    gazetteer: Gazetteer | None,
) -> Task:
    """Fit place weights and calibration on the held-out scores of the articles of a plan, (n_rows, n_heads).

    `pairs` are of all articles, `fold` of those of the plan.
    """
    place = order = ranks = None
    if plan.heads == plan.labels * 2:
        held_out, ranks = np.hsplit(held_out, 2)
    if plan.has_places:
        assert pairs is not None
        assert gazetteer is not None
        (place, order), (held_out, ranks) = _fit_place_heads(plan, held_out, pairs, fold, gazetteer)
    columns = slice(0, len(plan.heads))
    return Task(plan.name, plan.labels, plan.heads, columns, _calibrate(plan, held_out, ranks), place, order)


def _features(matrices: Sequence[csr_matrix], rows: NDArray[np.int64]) -> csr_matrix:
    """Return some rows of matrices side by side; a copy only if need be, as they are most of the memory."""
    X = matrices[0] if len(matrices) == 1 else sparse_hstack(matrices, format="csr")
    return X if len(rows) == X.shape[0] else X[rows]


def _solver_options(cost: NDArray[np.float32], config: Config) -> dict[str, Any]:
    h = config.heads
    return {"C": h.C, "cost": cost, "max_iter": h.max_iter, "tol": h.tol, "seed": config.seed}


def _calibrate(plan: Plan, held_out: NDArray[np.float32], ranks: NDArray[np.float32] | None) -> Calibration:
    column = {label: k for k, label in enumerate(plan.labels)}
    gold = [[column[label] for label in labels] for labels in plan.gold]
    always, most = not plan.has_places and all(gold), max(map(len, gold))
    if plan.calibrate_on is not None and plan.calibrate_on.any():
        on = np.flatnonzero(plan.calibrate_on)
        gold, held_out, ranks = [gold[i] for i in on], held_out[on], None if ranks is None else ranks[on]
    return fit_calibration(held_out, gold, ranks=ranks, always_first=always, max_labels=min(most, 4))


def _fit_place_heads(
    plan: Plan, heads: NDArray[np.float32], pairs: PlacePairs, fold: NDArray[np.int64], gazetteer: Gazetteer
) -> tuple[tuple[PlaceHead, PlaceHead], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Fit the weights shared by all countries, for holding and for order; return them and held-out scores of both."""
    row_of = np.full(int(max(plan.rows.max(), pairs.article.max(initial=0))) + 1, -1, dtype=np.int64)
    row_of[plan.rows] = np.arange(len(plan.rows))
    known = row_of[pairs.article] >= 0
    pairs = PlacePairs(row_of[pairs.article[known]].astype(np.int32), pairs.country[known], pairs.features[known])
    candidates = _candidates(plan, heads, pairs, gazetteer)
    scores, ranks = (np.zeros((len(plan.rows), len(plan.labels)), dtype=np.float32) for _ in range(2))
    draft = Task(plan.name, plan.labels, plan.heads, slice(0, len(plan.heads)), None)  # type: ignore[arg-type]
    for f in np.unique(fold):
        mine, inside = fold == f, fold[candidates.row] != f
        own = mine[pairs.article]
        number = np.cumsum(mine) - 1
        part = PlacePairs(number[pairs.article[own]].astype(np.int32), pairs.country[own], pairs.features[own])
        for out, head in zip((scores, ranks), _fit_both(candidates.take(inside)), strict=True):
            out[mine] = place_scores(draft, head, heads[mine], part, gazetteer.countries)
    return _fit_both(candidates), (scores, ranks)


class _Candidates(NamedTuple):
    """Countries that may be an article's: features, whether it is one, whether the central one, the article's row."""

    X: NDArray[np.float32]
    holds: NDArray[np.bool_]
    is_first: NDArray[np.bool_]
    row: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_]) -> "_Candidates":
        """Return some of them; all, if there would be none."""
        if not rows.any():
            return self
        return _Candidates(self.X[rows], self.holds[rows], self.is_first[rows], self.row[rows])


def _fit_both(candidates: _Candidates) -> tuple[PlaceHead, PlaceHead]:
    """Fit what says that a country holds; and, among those that hold, what says which is central.

    A part of the first is in the second: where little speaks for either country, the surer one goes first.
    """
    c = candidates
    holds = _fit_shared(c.X, c.holds)
    central = _fit_shared(c.X[c.holds], c.is_first[c.holds])
    mixed = [_HOLDS_IN_ORDER * a + b for a, b in zip(_values(holds), _values(central), strict=True)]
    return holds, PlaceHead(_HOLDS_IN_ORDER * holds.weights + central.weights, *mixed)


def _values(head: PlaceHead) -> tuple[float, ...]:
    return head.unmentioned, head.ngram, head.headless, head.none, head.intercept


def _candidates(plan: Plan, heads: NDArray[np.float32], pairs: PlacePairs, gazetteer: Gazetteer) -> _Candidates:
    """Return the countries that each article names or whose head is not far off.

    Columns: the place features, whether unmentioned, the head's score, whether headless, NONE's score.
    """
    head_of = {label: k for k, label in enumerate(plan.heads)}
    named = {
        (int(a), gazetteer.countries[c]): i for i, (a, c) in enumerate(zip(pairs.article, pairs.country, strict=True))
    }
    near = np.argwhere(heads > _CANDIDATE_SCORE)
    others = {(int(a), plan.heads[k]) for a, k in near if plan.heads[k] != NONE} - named.keys()
    candidates = [*named, *sorted(others)]
    X = np.zeros((len(candidates), len(PLACE_FEATURES) + 4), dtype=np.float32)
    X[: len(named), :-4] = pairs.features
    X[len(named) :, -4] = 1
    for i, (row, country) in enumerate(candidates):
        X[i, -3] = heads[row, head_of[country]] if country in head_of else 0
        X[i, -2] = country not in head_of
        X[i, -1] = heads[row, head_of[NONE]]
    holds = np.array([country in plan.gold[row] for row, country in candidates], dtype=np.bool_)
    is_first = np.array([plan.gold[row][:1] == [country] for row, country in candidates], dtype=np.bool_)
    return _Candidates(X, holds, is_first, np.array([row for row, _ in candidates], dtype=np.int64))


def _fit_shared(X: NDArray[np.float32], y: NDArray[np.bool_]) -> PlaceHead:
    """Fit a logistic regression over candidates, and fold the standardization into its weights."""
    if y.all() or not y.any():  # of no candidates too: the heads alone decide
        return PlaceHead(np.zeros(X.shape[1] - 4, dtype=np.float32), 0.0, 1.0, -1.0, 0.0, 0.0)
    from sklearn.linear_model import LogisticRegression

    spread = X.std(axis=0) + 1e-6
    mean = X.mean(axis=0)
    model = LogisticRegression(C=1.0, max_iter=300).fit((X - mean) / spread, y)
    weights = (model.coef_[0] / spread).astype(np.float32)
    intercept = float(model.intercept_[0] - (weights * mean).sum())
    unmentioned, ngram, headless, none = (float(w) for w in weights[-4:])
    return PlaceHead(weights[:-4].copy(), unmentioned, ngram, headless, none, intercept)


def assemble(
    config: Config, blocks: tuple[Block, ...], fitted: Sequence[FittedTask], gazetteer: Gazetteer | None
) -> Scorer:
    tasks, first = {}, 0
    for f in fitted:
        columns = slice(first, first + len(f.plan.heads))
        tasks[f.plan.name] = replace(f.task, columns=columns)
        first = columns.stop
    coefs, scales = [], []
    for b, block in enumerate(blocks):
        coef, scale = quantize(block.expand(np.hstack([part for f in fitted if (part := f.coefs[b]) is not None])))
        coefs.append(coef)
        scales.append(scale)
    intercepts = np.concatenate([f.intercept for f in fitted])
    blocks = tuple(replace(block, projection=None) for block in blocks)
    return Scorer(config, blocks, tuple(coefs), tuple(scales), intercepts, tasks, gazetteer)


def quantize(coef: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round each head's coefficients to 8 bits; return them and what a unit of each head is worth."""
    scale = np.abs(coef).max(axis=0, initial=1e-12) / 127
    return np.rint(coef / scale).astype(np.int8), scale.astype(np.float32)
