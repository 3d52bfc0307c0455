"""Blocks of n-gram features of articles, and the kernel that scores them without building a matrix."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from classifier import ngrams
from classifier.article import Article
from classifier.config import BlockConfig, Config
from classifier.symbols import symbol_table
from classifier.vectors import WIDTH, add_products
from classifier.zones import EncodedArticles, encode_articles, zone_spans

__all__ = ["Block", "BlockScorer", "batches", "encode"]

_BATCH_ARTICLES = 512
_BATCH_CHARACTERS = 1 << 20
_EXACT_COUNTS = 256


@dataclass(frozen=True, slots=True)
class Block:
    """A zone's vocabulary and its inverse document frequencies.

    Attributes
    ----------
    config : BlockConfig
    keys : ndarray of shape (n_ngrams,), int64, ascending
    idf : ndarray of shape (n_ngrams,), float32
    """

    config: BlockConfig
    keys: NDArray[np.int64]
    idf: NDArray[np.float32]

    def weighting(self) -> ngrams.Weighting:
        """Return how counts become values: unit length, sublinear if so configured."""
        counts = np.arange(_EXACT_COUNTS, dtype=np.float64)
        sublinear = np.where(counts > 0, 1.0 + np.log(np.maximum(counts, 1.0)), 0.0)
        return ngrams.Weighting(
            self.idf, sublinear if self.config.sublinear_tf else counts, self.config.sublinear_tf, norm=2
        )


def encode(articles: Sequence[Article]) -> EncodedArticles:
    """Normalize articles by the default folds."""
    return encode_articles(articles, symbol_table())


def spans_for(encoded: EncodedArticles, block: BlockConfig, config: Config) -> NDArray[np.int64]:
    """Return the spans that `block` reads."""
    return zone_spans(encoded, block.zone, config.lead_characters, config.untitled_characters)


def batches(articles: Sequence[Article]) -> Iterable[Sequence[Article]]:
    """Split articles so that a batch takes a bounded part of memory."""
    first = size = 0
    for i, article in enumerate(articles):
        size += len(article.title) + len(article.text)
        if size >= _BATCH_CHARACTERS or i - first + 1 >= _BATCH_ARTICLES:
            yield articles[first : i + 1]
            first, size = i + 1, 0
    if first < len(articles):
        yield articles[first:]


class BlockScorer:
    """Scores zones against the heads of one block; keeps its tables from batch to batch. For one thread.

    Parameters
    ----------
    block : Block
    vocabulary : Vocabulary
        Of ``block.keys``.
    coef : ndarray of shape (n_ngrams, n_heads), int8 or float32
    scale : ndarray of shape (n_heads,), float32
        What a unit of `coef` is worth.
    """

    def __init__(
        self, block: Block, vocabulary: ngrams.Vocabulary, coef: NDArray[np.int8], scale: NDArray[np.float32]
    ) -> None:
        self.block = block
        self.vocabulary = vocabulary
        missing = max(0, WIDTH - coef.shape[1])  # of the columns that `score_spans` takes at a time
        self.coef = np.pad(coef, ((0, 0), (0, missing))) if missing else coef
        self.scale = scale * np.float32(block.config.weight)
        self.weighting = block.weighting()
        self._cache = ngrams.new_word_cache()
        self._sums = ngrams.new_accumulator(len(block.idf))

    def add_scores(
        self, symbols: NDArray[np.uint8], spans: NDArray[np.int64], scores: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """Add each span's scores to the rows of `scores` (n_spans, n_heads); return which spans have a known n-gram."""
        known = np.zeros(len(spans), dtype=np.bool_)
        if len(self.coef):
            args = (self.vocabulary, self._cache, self._sums, self.weighting, self.coef, self.scale)
            score_spans(symbols, spans, *self.block.config.ngram_range, *args, scores, known)
        return known


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def score_spans(symbols, spans, min_n, max_n, vocabulary, cache, sums, weighting, coef, scale, scores, known):
    """Add ``norm(tf-idf) @ coef * scale`` of each span to its row of `scores`."""
    n_heads = coef.shape[1]
    counts, idf = sums.counts, weighting.idf
    columns, values = np.empty(len(counts), dtype=np.int32), np.empty(len(counts), dtype=np.float32)
    row = np.empty(n_heads, dtype=np.float32)
    for span in range(len(spans)):
        ngrams.add_span(symbols, spans[span, 0], spans[span, 1], min_n, max_n, vocabulary, cache, sums)
        n = ngrams.take_columns(sums, columns, 0)
        total = np.float32(0)
        for i in range(n):
            column = columns[i]
            value = np.float32(ngrams.weigh_count(counts[column], weighting)) * idf[column]
            values[i] = value
            counts[column] = 0
            total += value * value
        if total > 0:
            known[span] = True
            for k in range(0, n_heads, WIDTH):
                first = min(k, n_heads - WIDTH)
                row[first : first + WIDTH] = 0  # of the last ones, some are in the group before, too
                add_products(columns, values, 0, n, coef, first, row[first:])
            norm = np.float32(1) / np.sqrt(total)
            for k in range(len(scale)):
                scores[span, k] += row[k] * norm * scale[k]
