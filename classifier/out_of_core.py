"""Train on more articles than memory holds: the files are read twice, features wait on disk, heads are fitted from there.

The first pass counts n-grams and labels; the second writes the features of each article, by the vocabulary that the
first has found, into shards. Heads descend over one shard at a time. A sample of the articles is held out of a first
fit, for calibration, and joins for the last rounds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifier import blocks as blocks_
from classifier.article import Article
from classifier.blocks import Block
from classifier.config import Config
from classifier.data import Record
from classifier.errors import ConfigError, DataError
from classifier.evaluate import Evaluation, evaluate
from classifier.gazetteer import Gazetteer, load_gazetteer
from classifier.places import PlacePairs
from classifier.prediction import Prediction
from classifier.scorer import Scorer, place_pairs
from classifier.shards import Shard, ShardWriter
from classifier.solver import Descent, prepare_rows
from classifier.spill import CountsOnDisk
from classifier.training import (
    FittedTask,
    HeadPlan,
    LabelCounts,
    Plan,
    assemble,
    block_matrix,
    count_block,
    fit_block,
    fit_decisions,
    plan_heads,
)

__all__ = ["Batches", "train_out_of_core"]

Batches = Callable[[], Iterator[Sequence[Record]]]
"""Reads the corpus from its beginning, some thousand records at a time."""

_LANES = 16
_HELD_OUT, _TEST = _LANES, -1
_MOST_HELD_OUT = 20_000
"""Articles for calibration, and as many to score on: they, or their labels, are in memory."""
_MOST_HELD_OUT_SHARE = 0.2
_MOST_NGRAMS = 2_000_000
"""Of a block, if the configuration does not say: what bounds the memory of the heads."""
_LAST_ROUNDS = 4
_FOLDS = 2


@dataclass(slots=True)
class _Survey:
    """What the first pass finds."""

    labels: dict[str, LabelCounts]
    n_articles: int = 0


@dataclass(slots=True)
class _HeldOut:
    """What is known of the articles held out for calibration, in the order of their rows in the shards."""

    gold: dict[str, list[list[str] | None]]
    folds: list[NDArray[np.int64]] = field(default_factory=list)
    pairs: list[PlacePairs] = field(default_factory=list)
    n_articles: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    """What all steps share."""

    read: Batches
    config: Config
    gazetteer: Gazetteer | None
    scratch: Path
    blocks: tuple[Block, ...]
    plans: tuple[HeadPlan, ...]
    held_out_share: float
    test_share: float


def train_out_of_core(
    read: Batches, tasks: Sequence[str], config: Config, *, scratch: Path, with_report: bool
) -> tuple[Scorer, Evaluation | None]:
    """Fit a model in memory that does not grow with the number of articles.

    The model is that of `train` but for three things: calibration is fitted on one held-out sample, not on folds;
    blocks have at most `_MOST_NGRAMS` n-grams, the most frequent; and duplicates are kept together by their texts alone,
    or by their groups alone if there are any.

    Parameters
    ----------
    read : Batches
        The same records, in the same order, each time.
    tasks : sequence of str
        Those of the records' labels; one that no record has labels for is left out.
    config : Config
    scratch : Path
        An empty folder on a disk with room for about 20 kB an article; whoever made it removes it.
    with_report : bool
        Leave out a sample, at most a fifth, and score the model on it.

    Returns
    -------
    scorer : Scorer
    evaluation : Evaluation or None

    Raises
    ------
    ConfigError
        If a block of `config` has `keep`.
    DataError
        If there is nothing to learn from, or `scratch` has no room.
    """
    if any(block.keep for block in config.blocks):
        raise ConfigError("`keep` needs all articles in memory: use max_features, or train without --out-of-core")
    try:
        job = _survey(read, tasks, config, scratch, with_report)
        shards, held_out = _write_shards(job)
        scorer = _fit(job, shards, held_out)
    except OSError as error:
        raise DataError(f"{scratch}: could not write: {error.strerror or error}") from error
    return scorer, _evaluate(scorer, job) if with_report else None


def _survey(read: Batches, tasks: Sequence[str], config: Config, scratch: Path, with_test: bool) -> _Job:
    """Make the first pass: choose vocabularies and heads."""
    config = replace(
        config, blocks=tuple(replace(b, max_features=b.max_features or _MOST_NGRAMS) for b in config.blocks)
    )
    counts = [CountsOnDisk(scratch / f"counts-{b}") for b in range(len(config.blocks))]
    survey = _Survey({task: LabelCounts() for task in tasks})
    gazetteer = load_gazetteer() if config.needs_gazetteer(tasks) else None
    for articles, records in _good(read()):
        reading = blocks_.read(articles, config, gazetteer)
        for block, sums in zip(config.blocks, counts, strict=True):
            sums.add(count_block(reading, block))
        _count_labels(records, survey)
    known = [task for task in tasks if survey.labels[task].n_articles]
    if not known:
        raise DataError("no record has both a text and labels: nothing to learn from")
    kept = config.for_tasks(known)
    gazetteer = gazetteer if kept.needs_gazetteer(known) else None
    plans = tuple(plan_heads(task, survey.labels[task], kept, gazetteer) for task in known)
    blocks = tuple(
        fit_block(sums.frequent(1 if b.analyzer == "lexicon" else b.min_df), b)
        for b, sums in zip(config.blocks, counts, strict=True)
        if b in kept.blocks
    )
    share = min(_MOST_HELD_OUT_SHARE, _MOST_HELD_OUT / survey.n_articles)
    return _Job(read, kept, gazetteer, scratch, blocks, plans, share, share if with_test else 0.0)


def _count_labels(records: Sequence[Record], survey: _Survey) -> None:
    survey.n_articles += len(records)
    for record in records:
        for task, counts in survey.labels.items():
            if (labels := record.labels[task]) is not None:
                counts.add(labels)


def _good(batches: Iterator[Sequence[Record]]) -> Iterator[tuple[list[Article], list[Record]]]:
    for batch in batches:
        pairs = [(record.article, record) for record in batch if record.article is not None]
        if pairs:
            yield [article for article, _ in pairs], [record for _, record in pairs]


def _write_shards(job: _Job) -> tuple[dict[int, list[Shard]], _HeldOut]:
    """Make the second pass: features, targets and costs go to disk, what calibration needs stays."""
    folder = job.scratch / "shards"
    folder.mkdir()
    writer = ShardWriter(folder, [block.n_columns for block in job.blocks])
    held_out = _HeldOut({plan.name: [] for plan in job.plans})
    for articles, records in _good(job.read()):
        lanes = np.array([_lane(record, job) for record in records], dtype=np.int64)
        reading = blocks_.read(articles, job.config, job.gazetteer)
        matrices = [block_matrix(reading, block) for block in job.blocks]
        writer.append(lanes, matrices, _targets(records, job))
        out = np.flatnonzero(lanes == _HELD_OUT)
        if len(out):
            _hold_out([records[i] for i in out], job, held_out)
    if held_out.n_articles == 0 or not any(lane < _LANES for lane in writer.shards):
        raise DataError("too few articles for --out-of-core: train without it")
    return writer.shards, held_out


def _lane(record: Record, job: _Job) -> int:
    """Return where an article goes: by the hash of what must stay together."""
    share, number = _hash(record)
    if share < job.test_share:
        return _TEST
    return _HELD_OUT if share < job.test_share + job.held_out_share else number % _LANES


def _hash(record: Record) -> tuple[float, int]:
    """Return two numbers, the first in 0..1, that are the same for articles that must stay together."""
    assert record.article is not None
    key = record.group or f"{record.article.title}\n{record.article.text}"
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(digest[:8]) / 2**64, int.from_bytes(digest[8:])


def _targets(records: Sequence[Record], job: _Job) -> dict[str, NDArray[np.int8] | NDArray[np.float32]]:
    """Return targets and costs of each task, by the names that they have in shards; where unknown, zeros and ones."""
    arrays: dict[str, NDArray[np.int8] | NDArray[np.float32]] = {}
    for t, plan in enumerate(job.plans):
        known = [i for i, record in enumerate(records) if record.labels[plan.name] is not None]
        targets = np.zeros((len(records), len(plan.heads)), dtype=np.int8)
        cost = np.ones(targets.shape, dtype=np.float32)
        if known:
            targets[known], cost[known] = plan.targets(
                [records[i].labels[plan.name] or [] for i in known], job.config.heads
            )
        arrays |= {f"{t}.targets": targets, f"{t}.cost": cost}
    return arrays


def _hold_out(records: Sequence[Record], job: _Job, held_out: _HeldOut) -> None:
    for name, column in held_out.gold.items():
        column.extend(record.labels[name] for record in records)
    held_out.folds.append(np.array([_hash(record)[1] % _FOLDS for record in records], dtype=np.int64))
    if job.gazetteer is not None:
        articles = [record.article for record in records if record.article is not None]
        pairs = place_pairs(blocks_.read(articles, job.config, job.gazetteer), articles, job.gazetteer)
        held_out.pairs.append(pairs._replace(article=pairs.article + np.int32(held_out.n_articles)))
    held_out.n_articles += len(records)


def _fit(job: _Job, shards: Mapping[int, Sequence[Shard]], held_out: _HeldOut) -> Scorer:
    inside = [shard for lane in sorted(shards) if lane != _HELD_OUT for shard in shards[lane]]
    fitted = [_fit_task(job, t, inside, shards[_HELD_OUT], held_out) for t in range(len(job.plans))]
    return assemble(job.config, job.blocks, fitted, job.gazetteer)


def _fit_task(job: _Job, t: int, inside: Sequence[Shard], outside: Sequence[Shard], held_out: _HeldOut) -> FittedTask:
    """Fit the heads of task `t` without what is held out, calibrate on that, go on with all."""
    plan = job.plans[t]
    used = [b for b, block in enumerate(job.blocks) if block.config.is_for(plan.name)]
    if not used:
        raise DataError(f"no block of the configuration is for task {plan.name!r}: add it to `tasks` of one")
    widths = [job.blocks[b].n_columns for b in used]
    descent = Descent(sum(widths), len(plan.heads), job.config.seed)
    _descend(descent, inside, job, t, used, job.config.heads.max_iter)
    coef, intercept = descent.coef, descent.intercept
    scores = np.concatenate([shard.features(used) @ coef + intercept for shard in outside])
    sample, fold, scores = _plan_of_sample(plan, held_out, scores)
    task = fit_decisions(sample, scores, _join(held_out.pairs), fold, job.gazetteer)
    _descend(descent, [*inside, *outside], job, t, used, _LAST_ROUNDS)
    parts = dict(zip(used, np.split(descent.coef, np.cumsum(widths)[:-1]), strict=True))
    return FittedTask(sample, [parts.get(b) for b in range(len(job.blocks))], descent.intercept, task)


def _descend(descent: Descent, shards: Sequence[Shard], job: _Job, t: int, used: Sequence[int], n_rounds: int) -> None:
    """Visit all shards, in another order each round, until no gradient is large."""
    for _ in range(n_rounds):
        order = descent.rng.permutation(len(shards))
        if max(_visit(descent, shards[i], job, t, used) for i in order) < job.config.heads.tol:
            break


def _visit(descent: Descent, shard: Shard, job: _Job, t: int, used: Sequence[int]) -> float:
    n_heads = len(job.plans[t].heads)
    targets = shard.array(f"{t}.targets", np.int8, n_heads)
    assert targets is not None
    resting = shard.array(f"{t}.resting", np.int8, 1)
    rows = prepare_rows(
        shard.features(used),
        targets,
        C=job.config.heads.C,
        cost=shard.array(f"{t}.cost", np.float32, n_heads),
        alpha=shard.array(f"{t}.alpha", np.float32, n_heads),
        resting=None if resting is None else resting.ravel(),
    )
    worst = descent.visit(rows)
    shard.put(f"{t}.alpha", rows.alpha)
    shard.put(f"{t}.resting", rows.resting)
    return worst


def _plan_of_sample(
    plan: HeadPlan, held_out: _HeldOut, scores: NDArray[np.float32]
) -> tuple[Plan, NDArray[np.int64], NDArray[np.float32]]:
    """Return what decisions are fitted from: of the articles held out those whose labels are known."""
    column = held_out.gold[plan.name]
    rows = np.array([i for i, labels in enumerate(column) if labels is not None], dtype=np.int64)
    if not len(rows):
        raise DataError(f"task {plan.name!r} has too few articles for --out-of-core: train without it")
    gold = [list(column[i] or ()) for i in rows]
    none = np.zeros((0, len(plan.heads)))
    sample = Plan(
        plan.name, plan.labels, plan.heads, rows, gold, none.astype(np.int8), none.astype(np.float32), plan.has_places
    )
    return sample, np.concatenate(held_out.folds)[rows], scores[rows]


def _join(pairs: Sequence[PlacePairs]) -> PlacePairs | None:
    return PlacePairs(*map(np.concatenate, zip(*pairs, strict=True))) if pairs else None


def _evaluate(scorer: Scorer, job: _Job) -> Evaluation:
    """Read the articles that were left out, and score the model on them."""
    predictions: list[Prediction] = []
    gold: dict[str, list[list[str] | None]] = {plan.name: [] for plan in job.plans}
    for _, records in _good(job.read()):
        left_out = [record for record in records if _lane(record, job) == _TEST]
        predictions += scorer.predict([record.article for record in left_out if record.article is not None])
        for task, column in gold.items():
            column += [record.labels[task] for record in left_out]
    return evaluate(predictions, gold)
