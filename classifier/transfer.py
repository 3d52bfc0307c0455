"""Scores of a trained model as features of a new one, for tasks with few labels.

Both are linear, so after training the product of their weights takes the place of the scores: the new model is a plain
model whose blocks are its own and those of the base, and it needs nothing else of the base.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from classifier.blocks import Block, Reading
from classifier.config import Config
from classifier.errors import ConfigError
from classifier.scorer import Scorer

__all__ = ["BaseFeatures", "extend_config"]

_WEIGHT, _MANY_ARTICLES = 0.2, 1000
"""Length of an article's scores, where a block has its `weight`; more if there are fewer articles: docs/experiments.md."""

Floats = NDArray[np.float32]


def extend_config(config: Config, base: Scorer, tasks: Collection[str]) -> Config:
    """Return a configuration with the blocks of `base` behind its own.

    Raises
    ------
    ConfigError
        If the two read titles or leads of other lengths, or `base` has only tasks of places.
    """
    for name in ("lead_characters", "untitled_characters"):
        own, wanted = getattr(config, name), getattr(base.config, name)
        if own != wanted:
            raise ConfigError(f"{name} must be {wanted} as in the base, got {own}")
    return replace(config, blocks=(*config.blocks, *(block.config for block in _blocks(base, tasks))))


@dataclass(frozen=True, slots=True)
class BaseFeatures:
    """The scores of a base as columns, and the way back.

    Attributes
    ----------
    base : Scorer
    columns : ndarray of shape (n_columns,), int64
        Its heads that are read: of tasks without place mentions.
    center, scale : ndarrays of shape (n_columns,), float32
        A column is ``(score - center) * scale``.
    X : csr_matrix of shape (n_articles, n_columns)
    """

    base: Scorer
    columns: NDArray[np.int64]
    center: Floats
    scale: Floats
    X: csr_matrix

    @classmethod
    def of(cls, base: Scorer, reading: Reading) -> "BaseFeatures":
        """Score articles by the base, and bring its scores to one scale."""
        columns = _columns(base)
        scores = base.head_scores(reading)[:, columns]
        center = scores.mean(axis=0)
        weight = _WEIGHT * max(1.0, _MANY_ARTICLES / max(len(scores), 1)) ** 0.5
        scale = np.float32(weight / np.sqrt(len(columns))) / np.maximum(scores.std(axis=0), np.float32(1e-6))
        return cls(base, columns, center, scale, csr_matrix((scores - center) * scale))

    def blocks(self, tasks: Collection[str]) -> list[Block]:
        """Return the blocks that the new model takes over."""
        return _blocks(self.base, tasks)

    def fold(self, coef: Floats) -> tuple[list[Floats], Floats]:
        """Put the base's weights in place of its scores.

        Parameters
        ----------
        coef : ndarray of shape (n_columns, n_heads), float32
            Of the columns of `X`.

        Returns
        -------
        coefs : list of ndarray of shape (n_ngrams, n_heads), float32
            One for each of `blocks`.
        intercept : ndarray of shape (n_heads,), float32
        """
        unscaled = coef * self.scale[:, None]
        coefs = []
        for i in _numbers(self.base):
            own = self.base.columns_of(self.base.blocks[i].config)
            _, in_block, in_coef = np.intersect1d(own, self.columns, return_indices=True)
            weights = self.base.coefs[i][:, in_block] * self.base.scales[i][in_block]
            coefs.append((weights @ unscaled[in_coef]).astype(np.float32))
        intercept = (self.base.intercepts[self.columns] - self.center) @ unscaled
        return coefs, intercept.astype(np.float32)


def _columns(base: Scorer) -> NDArray[np.int64]:
    ranges = [np.arange(t.columns.start, t.columns.stop) for t in base.tasks.values() if t.place is None]
    if not ranges:
        raise ConfigError("a base must have a task without place mentions, such as topic")
    return np.concatenate(ranges)


def _numbers(base: Scorer) -> list[int]:
    """Return which blocks the heads of `_columns` read."""
    columns = _columns(base)
    return [i for i, block in enumerate(base.blocks) if np.isin(base.columns_of(block.config), columns).any()]


def _blocks(base: Scorer, tasks: Collection[str]) -> list[Block]:
    """Return these blocks as a model of `tasks` has them."""
    blocks = [base.blocks[i] for i in _numbers(base)]
    return [replace(b, config=replace(b.config, tasks=tuple(tasks), except_tasks=(), keep=None)) for b in blocks]
