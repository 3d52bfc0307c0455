"""Words as light stems, names of the gazetteer as what they are: features that stay the same where names change.

A token is an integer: the hash of a stem, or the code of a name's kind ("a state", "a person"). Features are tokens
and pairs of neighbours, packed in one positive int64 each. That two of them share a number is left to chance: 62 bits.

Light stemming cuts one prefix and one suffix of a fixed list, three letters left; after Larkey, Ballesteros, Connell,
"Light Stemming for Arabic Information Retrieval" (2007), with lists of our own.
"""

from collections.abc import Iterator
from functools import lru_cache, reduce
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse import vstack as sparse_vstack

from classifier import ngrams
from classifier.gazetteer import Gazetteer
from classifier.places import TITLE, Mentions
from classifier.symbols import SPACE, symbol_table
from classifier.zones import EncodedArticles

__all__ = ["Names", "Tokens", "add_tokens", "count_tokens", "find_names", "read_tokens", "tokens_matrix"]

_PREFIXES = ("وبال", "فبال", "وكال", "ولل", "فال", "وال", "بال", "كال", "لل", "ال", "و", "ف", "ب", "ل", "ك")
_SUFFIXES = ("هما", "تها", "تهم", "ها", "هم", "هن", "كم", "نا", "ات", "ون", "ين", "ان", "يه", "ه", "ي")
_DIGITS = "0123456789"
_SHORTEST = 3
"""Letters that must be left of a stem."""
_NUMBER = 1
_FIRST_KIND = 2
_POSITIVE = np.uint64((1 << 62) - 1)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SECOND_MULTIPLIER = np.uint64(0xC2B2AE3D27D4EB4F)
_SPANS_AT_ONCE = 8192
"""Of a corpus, so that its features need not be in memory all at once."""


class Names(NamedTuple):
    """Where names stand on the pages of a batch: begin and end among the symbols, ascending, and the kind of each."""

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    kind: NDArray[np.int64]


class Tokens(NamedTuple):
    """The tokens of spans, end to end.

    Attributes
    ----------
    token : ndarray of shape (n_tokens,), int64
    begin : ndarray of shape (n_tokens,), int64
        Position of its first letter among the symbols.
    ends : ndarray of shape (n_spans,), int64
        Where the tokens of each span end.
    """

    token: NDArray[np.int64]
    begin: NDArray[np.int64]
    ends: NDArray[np.int64]

    def until(self, stops: NDArray[np.int64]) -> "Tokens":
        """Return those of each span that begin before its stop, a position among the symbols."""
        kept, ends = _until(self.begin, self.ends, stops)
        return Tokens(self.token[kept], self.begin[kept], ends)

    def mask(self, names: Names, stops: NDArray[np.int64]) -> "Tokens":
        """Return them with each name as one token, its kind; names of one-letter words alone, too.

        Parameters
        ----------
        names : Names
            Of the same pages, none across two spans.
        stops : ndarray of shape (n_spans,), int64
            Where the spans end, positions among the symbols.
        """
        token, begin = (np.empty(len(self.token) + len(names.begin), dtype=np.int64) for _ in range(2))
        ends = np.empty_like(self.ends)
        n = int(_mask(*self, stops, names, token, begin, ends))
        return Tokens(token[:n], begin[:n], ends)


class _Affixes(NamedTuple):
    """A list of prefixes or suffixes by the letter at its outer end, in which a word decides which of them it may have.

    Attributes
    ----------
    symbols : ndarray of shape (n_affixes, n_letters), uint8
        In the order of these letters, among the same letter in that of the list; zeros behind.
    length : ndarray of shape (n_affixes,), int64
    first : ndarray of shape (257,), int64
        The rows of symbol s are those from ``first[s]`` to ``first[s + 1]``.
    """

    symbols: NDArray[np.uint8]
    length: NDArray[np.int64]
    first: NDArray[np.int64]


@lru_cache(maxsize=1)
def _lists() -> tuple[_Affixes, _Affixes, NDArray[np.bool_]]:
    """Return prefixes, suffixes, and which symbols are digits."""
    is_digit = np.zeros(256, dtype=np.bool_)
    is_digit[symbol_table().encode([_DIGITS])[0]] = True
    return _by_letter(_PREFIXES, 0), _by_letter(_SUFFIXES, -1), is_digit


def _by_letter(affixes: tuple[str, ...], outer: int) -> _Affixes:
    letters = [symbol_table().encode([affix])[0] for affix in affixes]
    letters.sort(key=lambda affix: int(affix[outer]))
    length = np.array([len(affix) for affix in letters], dtype=np.int64)
    symbols = np.zeros((len(letters), length.max()), dtype=np.uint8)
    for row, affix in zip(symbols, letters, strict=True):
        row[: len(affix)] = affix
    return _Affixes(symbols, length, np.searchsorted([affix[outer] for affix in letters], np.arange(257)))


def find_names(mentions: Mentions, encoded: EncodedArticles, gazetteer: Gazetteer) -> Names:
    """Return the names of countries that were found in title and text, as they stand on the page.

    Parameters
    ----------
    mentions : Mentions
        Of `encoded`; those of no country ("the right foot", which is not Yemen) stay words.
    encoded : EncodedArticles
    gazetteer : Gazetteer
    """
    shift = np.where(mentions.zone == TITLE, (encoded.page[:, 0] - encoded.title[:, 0])[mentions.article], 0)
    of_country = np.diff(gazetteer.country_ends, prepend=0)[mentions.entry] > 0
    begin, end, kind = mentions.begin + shift, mentions.end + shift, gazetteer.kinds[mentions.entry].astype(np.int64)
    return Names(begin[of_country], end[of_country], kind[of_country])


def read_tokens(symbols: NDArray[np.uint8], spans: NDArray[np.int64]) -> Tokens:
    """Return the tokens of spans, names as words.

    Words of one letter are left out; a word with a digit is a number, and all numbers are one token.
    """
    room = int((spans[:, 1] - spans[:, 0] + 2).sum()) // 2 + 1
    token, begin = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    ends = np.empty(len(spans), dtype=np.int64)
    n = int(_read(symbols, spans, *_lists(), token, begin, ends))
    return Tokens(token[:n], begin[:n], ends)


@njit(cache=True, nogil=True)
def _read(symbols, spans, prefixes, suffixes, is_digit, tokens, begins, ends):
    n = 0
    for span in range(len(spans)):
        at, end = spans[span, 0], spans[span, 1]
        while at < end:
            stop = at
            while stop < end and symbols[stop] != SPACE:
                stop += 1
            if stop - at > 1:
                begin = at + _prefix(symbols, at, stop, prefixes)
                last = stop - _suffix(symbols, begin, stop, suffixes)
                tokens[n], begins[n] = _hash(symbols, begin, last, is_digit), at
                n += 1
            at = stop + 1
        ends[span] = n
    return n


@njit(cache=True, nogil=True)
def _mask(token, begin, ends, stops, names, masked, begins, masked_ends):
    n = i = name = 0
    for span in range(len(ends)):
        while True:
            is_token = i < ends[span]
            is_name = name < len(names.begin) and names.begin[name] < stops[span]
            if is_name and not (is_token and begin[i] < names.begin[name]):
                masked[n], begins[n] = _FIRST_KIND + names.kind[name], names.begin[name]
                while i < ends[span] and begin[i] < names.end[name]:
                    i += 1
                name += 1
            elif is_token:
                masked[n], begins[n] = token[i], begin[i]
                i += 1
            else:
                break
            n += 1
        masked_ends[span] = n
    return n


@njit(cache=True, nogil=True)
def _until(begins, ends, stops):
    kept, kept_ends = np.zeros(len(begins), np.bool_), np.empty(len(ends), np.int64)
    n = i = 0
    for span in range(len(ends)):
        while i < ends[span] and begins[i] < stops[span]:
            kept[i] = True
            n += 1
            i += 1
        kept_ends[span] = n
        i = ends[span]
    return kept, kept_ends


@njit(inline="always")
def _hash(symbols, begin, end, is_digit):
    """Return the hash of a stem; `_NUMBER` if it holds a digit."""
    code = np.uint64(0)
    for i in range(begin, end):
        if is_digit[symbols[i]]:
            return np.int64(_NUMBER)
        code = (code ^ np.uint64(symbols[i])) * _MULTIPLIER
        code ^= code >> np.uint64(29)
    return np.int64(code & _POSITIVE) | np.int64(1 << 32)


@njit(inline="always")
def _prefix(symbols, begin, end, prefixes):
    """Return the length of the first prefix that the word has."""
    letters, length, first = prefixes
    outer = symbols[begin]
    for row in range(first[outer], first[outer + 1]):
        n = length[row]
        if end - begin - n >= _SHORTEST:
            i = 1
            while i < n and symbols[begin + i] == letters[row, i]:
                i += 1
            if i == n:
                return n
    return 0


@njit(inline="always")
def _suffix(symbols, begin, end, suffixes):
    """Return the length of the first suffix that the word has."""
    letters, length, first = suffixes
    outer = symbols[end - 1]
    for row in range(first[outer], first[outer + 1]):
        n = length[row]
        if end - begin - n >= _SHORTEST:
            i = 0
            while i < n - 1 and symbols[end - n + i] == letters[row, i]:
                i += 1
            if i == n - 1:
                return n
    return 0


@njit(inline="always")
def _pair(first, second):
    """Return the feature of two neighbours."""
    code = (np.uint64(first) * _MULTIPLIER) ^ ((np.uint64(second) + np.uint64(1)) * _SECOND_MULTIPLIER)
    return np.int64((code ^ (code >> np.uint64(31))) & _POSITIVE) | np.int64(1 << 32)


@njit(cache=True, nogil=True)
def features_of(tokens, ends, low, high):
    """Return the features of spans, number of the token at which each starts, number of its span.

    Those of one token if `low` is 1, then those of two if `high` is 2.
    """
    room = len(tokens) * (high - low + 1)
    keys, starts, owners = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    n = first = 0
    for span in range(len(ends)):
        for i in range(first, ends[span]):
            for size in range(low, high + 1):
                if i + size <= ends[span]:
                    keys[n] = tokens[i] if size == 1 else _pair(tokens[i], tokens[i + 1])
                    starts[n], owners[n] = i, span
                    n += 1
        first = ends[span]
    return keys[:n], starts[:n], owners[:n]


def count_tokens(tokens: Tokens, ngram_range: tuple[int, int]) -> ngrams.NgramCounts:
    """Count the features of a part of a corpus; `NgramCounts.merge` adds up parts."""
    parts = [_count_part(part, ngram_range) for part in _parts(tokens)]
    return reduce(ngrams.NgramCounts.merge, parts[1:], parts[0])


def _parts(tokens: Tokens) -> Iterator[Tokens]:
    begin = 0
    for first in range(0, max(len(tokens.ends), 1), _SPANS_AT_ONCE):
        ends = tokens.ends[first : first + _SPANS_AT_ONCE]
        end = int(ends[-1]) if len(ends) else begin
        yield Tokens(tokens.token[begin:end], tokens.begin[begin:end], ends - begin)
        begin = end


def _count_part(tokens: Tokens, ngram_range: tuple[int, int]) -> ngrams.NgramCounts:
    keys, _, owners = features_of(tokens.token, tokens.ends, *ngram_range)
    known, column = np.unique(keys, return_inverse=True)
    total = np.bincount(column, minlength=len(known))
    pairs = np.unique(owners * len(known) + column)
    documents = np.bincount(pairs % max(len(known), 1), minlength=len(known))
    return ngrams.NgramCounts(known, documents.astype(np.int64), total.astype(np.int64), len(tokens.ends))


def tokens_matrix(
    tokens: Tokens, ngram_range: tuple[int, int], keys: NDArray[np.int64], weighting: ngrams.Weighting
) -> csr_matrix:
    """Return the tf-idf of spans over the features `keys`, rows of unit length."""
    X = sparse_vstack([_counts(part, ngram_range, keys) for part in _parts(tokens)], format="csr")
    if weighting.sublinear:
        X.data = 1 + np.log(X.data)
    X.data *= weighting.idf[X.indices]
    length = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    X.data /= np.repeat(np.maximum(length, 1e-12), np.diff(X.indptr)).astype(np.float32)
    return X


def _counts(tokens: Tokens, ngram_range: tuple[int, int], keys: NDArray[np.int64]) -> csr_matrix:
    found, _, owners = features_of(tokens.token, tokens.ends, *ngram_range)
    column, is_known = look_up(found, keys)
    ones = np.ones(int(is_known.sum()), dtype=np.float32)
    return csr_matrix((ones, (owners[is_known], column[is_known])), shape=(len(tokens.ends), len(keys)))


def look_up(found: NDArray[np.int64], keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the column of each feature among the ascending `keys`, and whether it is there at all."""
    column = np.minimum(np.searchsorted(keys, found), max(len(keys) - 1, 0))
    is_known = keys[column] == found if len(keys) else np.zeros(len(found), dtype=np.bool_)
    return column, is_known


@njit(cache=True, nogil=True)
def add_tokens(tokens, first, stop, low, high, vocabulary, bits, sums):
    """Add the counts of the known features of one span to `sums`; `bits` are the vocabulary's filter."""
    for i in range(first, stop):
        for size in range(low, high + 1):
            if i + size <= stop:
                key = tokens[i] if size == 1 else _pair(tokens[i], tokens[i + 1])
                if ngrams.may_hold(key, bits):
                    ngrams.add_key(key, vocabulary, sums)
