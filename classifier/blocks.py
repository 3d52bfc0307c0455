"""Blocks of n-gram features of articles, and the kernels that score them without building a matrix."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray

from classifier import ngrams, stems
from classifier.article import Article
from classifier.config import BlockConfig, Config
from classifier.gazetteer import Gazetteer
from classifier.places import Mentions, find_mentions
from classifier.symbols import symbol_table, written_table
from classifier.vectors import WIDTH, add_products
from classifier.zones import EncodedArticles, encode_articles, zone_spans

__all__ = ["Block", "BlockScorer", "Reading", "batches", "encode", "read"]

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
    projection : ndarray of shape (n_ngrams, n_columns), float32, or None
        For training: what heads are fitted to is the n-grams' values times this, not the values themselves.
    """

    config: BlockConfig
    keys: NDArray[np.int64]
    idf: NDArray[np.float32]
    projection: NDArray[np.float32] | None = None

    @property
    def n_columns(self) -> int:
        """How many columns heads are fitted to."""
        return len(self.keys) if self.projection is None else self.projection.shape[1]

    def expand(self, coef: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the weights of n-grams that weights of columns, (n_columns, n_heads), amount to."""
        return coef if self.projection is None else self.projection @ coef

    def weighting(self) -> ngrams.Weighting:
        """Return how counts become values: unit length, sublinear if so configured."""
        counts = np.arange(_EXACT_COUNTS, dtype=np.float64)
        sublinear = np.where(counts > 0, 1.0 + np.log(np.maximum(counts, 1.0)), 0.0)
        return ngrams.Weighting(
            self.idf, sublinear if self.config.sublinear_tf else counts, self.config.sublinear_tf, norm=2
        )


def encode(articles: Sequence[Article], *, as_written: bool = False) -> EncodedArticles:
    """Normalize articles by the default folds, or lay them out as they are written."""
    return encode_articles(articles, written_table() if as_written else symbol_table())


@dataclass(frozen=True)
class Reading:
    """A batch of articles as all blocks read it.

    Attributes
    ----------
    encoded : dict of bool to EncodedArticles
        Those that the blocks read as they are written under True; normalized, if anything reads that, under False.
    mentions : Mentions or None
        The names that the articles hold; None for a model without a gazetteer.
    names : Names or None
        The same, as they stand on the pages.
    config : Config
    """

    encoded: Mapping[bool, EncodedArticles]
    mentions: Mentions | None
    names: stems.Names | None
    config: Config

    @property
    def n_articles(self) -> int:
        """How many they are."""
        return len(next(iter(self.encoded.values())).page)

    def spans(self, block: BlockConfig) -> NDArray[np.int64]:
        """Return the spans that `block` reads, ndarray of shape (n_articles, 2)."""
        c, encoded = self.config, self.encoded[block.as_written]
        spans = zone_spans(encoded, block.zone, c.lead_characters, c.untitled_characters)
        if block.zone == "title" and block.reads_stems:  # stems are read on pages
            titled = (encoded.title[:, 0] < encoded.title[:, 1])[:, None]
            spans = spans + np.where(titled, encoded.page[:, :1] - encoded.title[:, :1], 0)
        return spans

    def tokens(self, block: BlockConfig) -> stems.Tokens:
        """Return the tokens that a block of stems reads."""
        page = self._masked if block.analyzer == "stem" else self._plain
        return page if block.zone == "page" else page.until(self.spans(block)[:, 1])  # every zone begins a page

    @cached_property
    def _masked(self) -> stems.Tokens:
        assert self.names is not None
        return self._plain.mask(self.names, self.encoded[False].page[:, 1])

    @cached_property
    def _plain(self) -> stems.Tokens:
        return stems.read_tokens(self.encoded[False].symbols, self.encoded[False].page)


def read(articles: Sequence[Article], config: Config, gazetteer: Gazetteer | None) -> Reading:
    """Encode articles, and find the names of the gazetteer, if there is one."""
    wanted = {block.as_written for block in config.blocks} | ({False} if gazetteer else set())
    encoded = {as_written: encode(articles, as_written=as_written) for as_written in wanted}
    if gazetteer is None:
        return Reading(encoded, None, None, config)
    normalized = encoded[False]
    mentions = find_mentions(normalized.symbols, normalized.title, normalized.text, gazetteer)
    return Reading(encoded, mentions, stems.find_names(mentions, normalized, gazetteer), config)


def batches(articles: Sequence[Article], most: int | None = None) -> Iterable[Sequence[Article]]:
    """Split articles so that a batch takes a bounded part of memory, and has at most so many."""
    most = _BATCH_ARTICLES if most is None else min(most, _BATCH_ARTICLES)
    first = size = 0
    for i, article in enumerate(articles):
        size += len(article.title) + len(article.text)
        if size >= _BATCH_CHARACTERS or i - first + 1 >= most:
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

    @cached_property
    def _filter(self) -> NDArray[np.uint64]:
        return ngrams.build_filter(self.block.keys)  # characters have none: words seen before are cached

    def add_scores(self, reading: Reading, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Add each article's scores to the rows of `scores` (n_articles, n_heads); return which have a known n-gram and a letter."""
        known = np.zeros(len(scores), dtype=np.bool_)
        config = self.block.config
        weights = (self.weighting, self.coef, self.scale, scores, known)
        if not len(self.coef):
            return known
        if config.reads_stems:
            token, _, ends = reading.tokens(config)
            score_tokens(token, ends, *config.ngram_range, self.vocabulary, self._filter, self._sums, *weights)
        else:
            tables = (self.vocabulary, self._cache, self._sums)
            symbols = reading.encoded[config.as_written].symbols
            spans = reading.spans(config)
            score_spans(symbols, spans, *config.ngram_range, *tables, *weights)
            if config.as_written:
                known &= have_letters(symbols, spans, written_table().is_letter)
        return known


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def score_spans(symbols, spans, min_n, max_n, vocabulary, cache, sums, weighting, coef, scale, scores, known):
    """Add ``norm(tf-idf) @ coef * scale`` of each span's characters to its row of `scores`."""
    room = new_room(sums, coef)
    for span in range(len(spans)):
        ngrams.add_span(symbols, spans[span, 0], spans[span, 1], min_n, max_n, vocabulary, cache, sums)
        known[span] = _score(sums, weighting, coef, scale, room, scores[span])


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def score_tokens(tokens, ends, min_n, max_n, vocabulary, bits, sums, weighting, coef, scale, scores, known):
    """Add the same of each span's stems to its row of `scores`."""
    room = new_room(sums, coef)
    first = 0
    for span in range(len(ends)):
        stems.add_tokens(tokens, first, ends[span], min_n, max_n, vocabulary, bits, sums)
        known[span] = _score(sums, weighting, coef, scale, room, scores[span])
        first = ends[span]


@njit(cache=True, nogil=True)
def have_letters(symbols, spans, is_letter):
    """Return which spans hold more than marks."""
    found = np.zeros(len(spans), dtype=np.bool_)
    for span in range(len(spans)):
        begin, end = spans[span]
        while begin < end and not is_letter[symbols[begin]]:
            begin += 1
        found[span] = begin < end
    return found


@njit(inline="always")
def new_room(sums, coef):
    """Return room for the columns, the values and the scores of one span."""
    n_columns = len(sums.counts)
    return np.empty(n_columns, np.int32), np.empty(n_columns, np.float32), np.empty(coef.shape[1], np.float32)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _score(sums, weighting, coef, scale, room, scores):
    """Take the counts of one span out of `sums`, add what they are worth; return whether there were any."""
    counts, idf, n_heads = sums.counts, weighting.idf, coef.shape[1]
    columns, values, row = room
    n = ngrams.take_columns(sums, columns, 0)
    total = np.float32(0)
    for i in range(n):
        column = columns[i]
        value = np.float32(ngrams.weigh_count(counts[column], weighting)) * idf[column]
        values[i] = value
        counts[column] = 0
        total += value * value
    if total > 0:
        for k in range(0, n_heads, WIDTH):
            first = min(k, n_heads - WIDTH)
            row[first : first + WIDTH] = 0  # of the last ones, some are in the group before, too
            add_products(columns, values, 0, n, coef, first, row[first:])
        norm = np.float32(1) / np.sqrt(total)
        for k in range(len(scale)):
            scores[k] += row[k] * norm * scale[k]
    return total > 0
