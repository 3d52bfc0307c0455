"""Place mentions of articles, and what they say about each country: compiled kernels over symbols.

What each feature is for and what it brings: docs/gazetteer.md.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from classifier.gazetteer import KINDS, MAX_LETTERS, Gazetteer, may_start, next_node, read_word
from classifier.symbols import SPACE, SYMBOL_BITS

__all__ = ["PLACE_FEATURES", "Mentions", "PlacePairs", "find_mentions", "place_features"]

TITLE, LEAD, BODY = 0, 1, 2
LEAD_WORDS = 80
MOST_WORDS = 1200
_HALF = MAX_LETTERS // 2
_TOP_SHIFT = SYMBOL_BITS * (_HALF - 1)
_FULL = (1 << (SYMBOL_BITS * _HALF)) - 1
_STATE, _PEOPLE = KINDS.index("state"), KINDS.index("people")


class Mentions(NamedTuple):
    """Names found, in the order of articles, title before text, and position.

    Attributes
    ----------
    article : ndarray of shape (n_mentions,), int32
    zone : ndarray of uint8
        0 in the title, 1 in the first `LEAD_WORDS` words of the text, 2 in the rest up to `MOST_WORDS` words.
    begin, end : ndarrays of int64
        Positions in the symbols; a clitic before the name is part of the span.
    word : ndarray of int32
        Number of its first word in the title or in the text.
    entry : ndarray of int32
        What was found in the gazetteer.
    """

    article: NDArray[np.int32]
    zone: NDArray[np.uint8]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    word: NDArray[np.int32]
    entry: NDArray[np.int32]


def find_mentions(
    symbols: NDArray[np.uint8], titles: NDArray[np.int64], texts: NDArray[np.int64], gazetteer: Gazetteer
) -> Mentions:
    """Find the names of a gazetteer: from left to right, the longest first, then the one behind the shortest clitic.

    Parameters
    ----------
    symbols : ndarray of uint8
        Of `SymbolTable.encode` with default options.
    titles, texts : ndarrays of shape (n_articles, 2), int64
        Begin and end of each article's title and text in `symbols`; only the first `MOST_WORDS` words are read.
    gazetteer : Gazetteer

    Returns
    -------
    Mentions
    """
    n_most = int(np.minimum((np.concatenate([titles, texts]) @ [-1, 1] + 1) // 2, MOST_WORDS).sum())
    found = Mentions(*(np.empty(n_most, dtype=dtype) for dtype in ("i4", "u1", "i8", "i8", "i4", "i4")))
    n = _find_all(symbols, titles, texts, gazetteer.trie, found)
    return Mentions(*(array[:n].copy() for array in found))


@njit(cache=True, nogil=True)
def _find_all(symbols, titles, texts, trie, found):
    n = 0
    for article in range(len(titles)):
        n = _find_in(symbols, titles[article, 0], titles[article, 1], article, TITLE, trie, found, n)
        n = _find_in(symbols, texts[article, 0], texts[article, 1], article, LEAD, trie, found, n)
    return n


@njit(cache=True, nogil=True)
def _find_in(symbols, begin, end, article, zone, trie, found, n):
    """Append the mentions of a title or text from mention `n` on; return the new number."""
    edges, nodes, starts, kinds, letters = trie  # Arrays taken out of a tuple in a loop cost more than the loop's work.
    word = 0
    while begin < end and word < MOST_WORDS:
        stop, first, second = read_word(symbols, begin, end)
        best = (np.int64(-1), np.int64(0), np.int64(stop))
        if stop - begin <= MAX_LETTERS:
            most = MOST_WORDS - word
            for i in range(_n_cores(first, letters)):
                one, two, length, n_clitic = _core(first, second, stop - begin, i, letters)
                if n_clitic >= 0:
                    if may_start(one, two, starts):
                        is_short = n_clitic > 0 and length < 4
                        best = _follow(symbols, stop, end, one, two, is_short, most, best, edges, nodes, kinds)
                    one, two = _bare(one, two, letters)
                    if one and best[1] == 0 and may_start(one, two, starts) and not (n_clitic > 0 and length < 6):
                        best = _people(one, two, stop, best, edges, nodes, kinds)
        entry, n_words, last = best
        if entry >= 0:
            found.article[n], found.entry[n], found.word[n] = article, entry, word
            found.begin[n], found.end[n] = begin, last
            found.zone[n] = BODY if zone == LEAD and word >= LEAD_WORDS else zone
            n += 1
        word += max(n_words, 1)
        begin = last + 1
    return n


@njit(inline="always")
def _shift(first, second, n):
    """Drop the first `n` letters of a packed word."""
    bits = SYMBOL_BITS * n
    return ((first << bits) & _FULL) | (second >> (SYMBOL_BITS * _HALF - bits)), (second << bits) & _FULL


@njit(inline="always")
def _letter(first, n):
    """Return letter `n` of a packed word, n below 9."""
    return (first >> (_TOP_SHIFT - SYMBOL_BITS * n)) & 0x7F


@njit(inline="always")
def _core(first, second, length, i, letters):
    """Return what is left of a word without its i-th possible clitic, 0 none: letters, length, clitic's length or -1.

    1: one of five; 2: two, the first of them wa- or fa-; 3: lil-, which stands for li- and the article; 4: wa-, fa- and
    lil-.
    """
    alef, lam, waw, feh, beh, kaf = letters
    a, b, c = _letter(first, 0), _letter(first, 1), _letter(first, 2)
    joins = a == waw or a == feh
    n = 0
    if i == 1:
        n = 1 if length >= 4 and (joins or a == beh or a == lam or a == kaf) else -1
    elif i == 2:
        n = 2 if length >= 5 and joins and (b == beh or b == lam or (b == kaf and a == waw)) else -1
    elif i == 3:
        n = 2 if length >= 4 and a == lam and b == lam else -1
    elif i == 4:
        n = 3 if length >= 5 and joins and b == lam and c == lam else -1
    dropped = max(n - (i >= 3) * 2, 0)
    one, two = _shift(first, second, dropped)
    if i >= 3:
        one += (np.int64(alef) - np.int64(lam)) << _TOP_SHIFT
    return one, two, length - dropped, n


@njit(inline="always")
def _n_cores(first, letters):
    """Return how many of the cores need a look: words that begin with no clitic's letter have none but themselves."""
    a = _letter(first, 0)
    return 5 if a == letters[1] or a == letters[2] or a == letters[3] or a == letters[4] or a == letters[5] else 1


@njit(inline="always")
def _bare(first, second, letters):
    """Return a word without its article, or 0, 0."""
    if _letter(first, 0) == letters[0] and _letter(first, 1) == letters[1]:
        return _shift(first, second, 2)
    return np.int64(0), np.int64(0)


@njit(inline="always")
def _people(first, second, stop, best, edges, nodes, kinds):
    """Return the people that a word alone names, or `best`."""
    entry = np.int64(nodes[next_node(0, first, second, edges), 0])
    if entry >= 0 and kinds[entry] == _PEOPLE:
        return entry, np.int64(1), np.int64(stop)
    return best


@njit(inline="always")
def _follow(symbols, stop, end, first, second, is_short, most, best, edges, nodes, kinds):
    """Return the longest name that starts with a word and goes on after `stop`, or `best` if none is longer.

    Short names behind a clitic are mostly other words.
    """
    entry, n_words, last = best
    depth = 1
    node = next_node(0, first, second, edges)
    found = nodes[node, 0]
    if n_words == 0 and found >= 0 and not (is_short and kinds[found] != _STATE):
        entry, n_words, last = np.int64(found), np.int64(1), np.int64(stop)
    while node and nodes[node, 1] and stop < end and depth < most:
        begin = stop + 1
        stop, first, second = read_word(symbols, begin, end)
        node = next_node(node, first, second, edges) if stop - begin <= MAX_LETTERS else 0
        depth += 1
        if nodes[node, 0] >= 0 and depth > n_words:
            entry, n_words, last = np.int64(nodes[node, 0]), np.int64(depth), np.int64(stop)
    return entry, n_words, last


class PlacePairs(NamedTuple):
    """What the mentions say about each country that they may stand for.

    Attributes
    ----------
    article : ndarray of shape (n_pairs,), int32
        Ascending.
    country : ndarray of shape (n_pairs,), int16
        Positions in the gazetteer's `countries`; in an article, each once.
    features : ndarray of shape (n_pairs, n_features), float32
        As `PLACE_FEATURES` names them.
    """

    article: NDArray[np.int32]
    country: NDArray[np.int16]
    features: NDArray[np.float32]
