"""Compiled kernels over symbols: character n-grams within words as packed integers.

An n-gram of up to 9 symbols of 7 bits is one int64, left-aligned, so that keys sort as their strings do and never
collide. The n-grams of a word are looked up once and reused wherever the word recurs (`WordCache`).

What costs is waiting for memory, so words are taken by the chunk: all are read, then all are found, then the n-grams
of each distinct one are counted; each step asks for the memory that the next one needs (`_prefetch`).

Spans: an int64 array of shape (n_spans, 2) of begin and end positions in `symbols`; a span is what scikit-learn calls
a document. Kernels that fill a buffer stop before it might overflow and go on from there when called with a larger one.
"""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from classifier.bits import has_bit, new_bits, set_bit
from classifier.symbols import SPACE, SYMBOL_BITS

__all__ = ["MAX_NGRAM", "NgramCounts", "Vocabulary", "WordCache", "count_spans", "spans_of", "transform_spans"]

MAX_NGRAM = 9
_TOP_SHIFT = SYMBOL_BITS * (MAX_NGRAM - 1)
_FULL = (1 << (SYMBOL_BITS * MAX_NGRAM)) - 1
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SECOND_MULTIPLIER = np.uint64(0xC2B2AE3D27D4EB4F)
_LONG_WORD = 2 * MAX_NGRAM  # Longer words have no exact key of two integers, and hardly recur.
_CACHED_WORDS = 98_000
_IDS_A_WORD = 24
_KEYS_A_WORD = (_LONG_WORD + 2) * MAX_NGRAM
_WRITTEN_AHEAD = 4
_WORDS_A_CHUNK = 512
_LINE = 16  # int32 a line of memory.
_FILTER_BITS_A_KEY = 16


class WordCache(NamedTuple):
    """The n-gram ids of words seen so far; emptied when full, so its size is bounded.

    Attributes
    ----------
    slots : ndarray of shape (n_slots, 4), int64
        Open-addressing table: the word's letters as two packed integers, begin of its ids << 8 | how many they are,
        chunk in which it was last seen << 16 | its number there. 0 is a free slot.
    ids : ndarray of int32
        Those of all words, end to end; what lies behind them is scratch.
    size : ndarray of shape (3,), int64
        How many words and how many ids it holds; how many chunks were read.
    keys, homes : ndarrays of int64
        Scratch, with room for the n-grams of a word: packed, and the slot that each belongs in.
    words : ndarray of shape (n_words, 5), int64
        The words of a chunk: letters as above, begin, end, and the slot that it belongs in.
    distinct : ndarray of shape (n_words, 2), int64
        Its distinct words: where their ids are, as above, and how often they occur.
    """

    slots: NDArray[np.int64]
    ids: NDArray[np.int32]
    size: NDArray[np.int64]
    keys: NDArray[np.int64]
    homes: NDArray[np.int64]
    words: NDArray[np.int64]
    distinct: NDArray[np.int64]


Vocabulary = NDArray[np.int64]
"""Shape (n_slots, 2): packed n-grams and their column numbers, as an open-addressing table; 0 is a free slot."""


class NgramCounts(NamedTuple):
    """What `fit` needs to know of a part of a corpus; parts can be merged.

    Attributes
    ----------
    keys : ndarray of shape (n_ngrams,), int64, ascending
    document_frequency, term_frequency : ndarrays of shape (n_ngrams,), int64
    n_documents : int
    """

    keys: NDArray[np.int64]
    document_frequency: NDArray[np.int64]
    term_frequency: NDArray[np.int64]
    n_documents: int

    def merge(self, *others: "NgramCounts") -> "NgramCounts":
        """Add the counts of disjoint parts."""
        parts = (self, *others)
        keys, where = np.unique(np.concatenate([part.keys for part in parts]), return_inverse=True)

        def total(counts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
            return np.bincount(where, np.concatenate(counts), len(keys)).astype(np.int64)

        return NgramCounts(
            keys,
            total([part.document_frequency for part in parts]),
            total([part.term_frequency for part in parts]),
            sum(part.n_documents for part in parts),
        )


class _Growing(NamedTuple):
    """A vocabulary under construction, and its counts."""

    vocabulary: Vocabulary
    keys: NDArray[np.int64]
    stats: NDArray[np.int64]
    size: NDArray[np.int64]


def new_word_cache(n_words: int = _CACHED_WORDS) -> WordCache:
    """Return an empty cache for up to `n_words` words; about 140 bytes a word, touched as needed."""
    n_slots = max(4, 1 << (n_words * 4 // 3).bit_length())
    n_ids = max(_IDS_A_WORD * n_words, _KEYS_A_WORD)
    chunk = min(_WORDS_A_CHUNK, 3 * n_slots // 4, n_ids // _KEYS_A_WORD)
    return WordCache(
        slots=np.zeros((n_slots, 4), dtype=np.int64),
        ids=np.empty(n_ids, dtype=np.int32),
        size=np.zeros(3, dtype=np.int64),
        keys=np.empty(_KEYS_A_WORD, dtype=np.int64),
        homes=np.empty(_KEYS_A_WORD, dtype=np.int64),
        words=np.empty((chunk, 5), dtype=np.int64),
        distinct=np.empty((chunk, 2), dtype=np.int64),
    )


def build_vocabulary(keys: NDArray[np.int64]) -> Vocabulary:
    """Return the look-up table in which ``keys[i]`` has column i."""
    vocabulary = _empty_vocabulary(len(keys))
    insert_keys(keys, vocabulary)
    return vocabulary


def build_filter(keys: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return one bit a hash, set where some key has it: small enough to stay in cache, and most features have no key."""
    bits = new_bits(_FILTER_BITS_A_KEY * len(keys))
    _set_bits(keys, bits)
    return bits


def _empty_vocabulary(n_keys: int) -> Vocabulary:
    n_slots = 1 << max(4, (2 * n_keys - 1).bit_length())
    return np.zeros((n_slots, 2), dtype=np.int64)


def spans_of(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the spans of texts that lie end to end."""
    return np.column_stack([np.concatenate([[0], ends])[:-1], ends]).astype(np.int64)


def unpack(keys: NDArray[np.int64], alphabet: str) -> NDArray[np.object_]:
    """Return the n-grams of `keys`, each a str."""
    letters = np.array(["", *alphabet])
    shifts = np.arange(_TOP_SHIFT, -1, -SYMBOL_BITS)
    symbols = (keys[:, np.newaxis] >> shifts) & ((1 << SYMBOL_BITS) - 1)
    names: NDArray[np.object_] = letters[symbols].view(f"<U{MAX_NGRAM}")[:, 0].astype(object)
    return names


class NgramCounter:
    """Counts the n-grams of batches of spans, in bounded memory beside the counts themselves."""

    def __init__(self, ngram_range: tuple[int, int]) -> None:
        self.ngram_range = ngram_range
        self.n_documents = 0
        self._cache = new_word_cache()
        self._growing = _new_growing(1 << 16)

    def add(self, symbols: NDArray[np.uint8], spans: NDArray[np.int64]) -> None:
        """Count the n-grams of `spans`."""
        progress = np.zeros(3, dtype=np.int64)
        while not count_spans(
            symbols, spans, progress, self.n_documents, *self.ngram_range, self._cache, self._growing
        ):
            self._growing = _grow(self._growing)
        self.n_documents += len(spans)

    def counts(self) -> NgramCounts:
        """Return what was counted, in key order."""
        n = int(self._growing.size[0])
        order = np.argsort(self._growing.keys[:n])
        g = self._growing
        return NgramCounts(g.keys[:n][order], g.stats[:n, 0][order], g.stats[:n, 1][order], self.n_documents)


def _new_growing(capacity: int) -> _Growing:
    stats = np.zeros((capacity, 3), dtype=np.int64)
    stats[:, 2] = -1
    return _Growing(_empty_vocabulary(capacity), np.zeros(capacity, dtype=np.int64), stats, np.zeros(1, dtype=np.int64))


def _grow(old: _Growing) -> _Growing:
    n = int(old.size[0])
    new = _new_growing(2 * len(old.keys))
    new.keys[:n] = old.keys[:n]
    new.stats[:n] = old.stats[:n]
    insert_keys(new.keys[:n], new.vocabulary)
    new.size[0] = n
    return new


@intrinsic
def _trailing_zeros(typingctx: Any, value: Any) -> Any:  # noqa: ANN401
    """Count trailing zero bits: one instruction that Python has no name for."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), codegen


@intrinsic
def _count_ones(typingctx: Any, value: Any) -> Any:  # noqa: ANN401
    """Count the bits that are set: likewise."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), codegen


@intrinsic
def _prefetch(typingctx: Any, array: Any, i: Any) -> Any:  # noqa: ANN401
    """Ask for the memory of ``array[i]`` (C order, one index whatever the shape) without waiting for it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        pointer = builder.bitcast(builder.gep(data, [args[1]]), byte)
        builder.call(function, [pointer, flag(0), flag(3), flag(1)])  # to read, to keep near, data
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


@njit(inline="always")
def _slot_of(key, mask):
    """Fibonacci hashing: the top bits of the product, scaled to the table; the low ones hang on few symbols."""
    return np.int64((((np.uint64(key) * _MULTIPLIER) >> np.uint64(32)) * np.uint64(mask + 1)) >> np.uint64(32))


@njit(cache=True, nogil=True)
def insert_keys(keys, vocabulary):
    """Put distinct `keys` into an empty table with room for them."""
    mask = len(vocabulary) - 1
    for i in range(len(keys)):
        slot = _slot_of(keys[i], mask)
        while vocabulary[slot, 0] != 0:
            slot = (slot + 1) & mask
        vocabulary[slot, 0] = keys[i]
        vocabulary[slot, 1] = i


@njit(cache=True, nogil=True)
def _set_bits(keys, bits):
    for key in keys:
        set_bit(_slot_of(key, 64 * len(bits) - 1), bits)


@njit(inline="always")
def may_hold(key, bits):
    """Return False for a feature that is none of the keys of `build_filter`; True for all of these and a few others."""
    return has_bit(_slot_of(key, 64 * len(bits) - 1), bits)


@njit(inline="always")
def _find(key, home, vocabulary):
    """Return the slot of `key`, or the free one where it belongs, from its first slot on."""
    slot, mask = home, len(vocabulary) - 1
    while vocabulary[slot, 0] != key and vocabulary[slot, 0] != 0:
        slot = (slot + 1) & mask
    return slot


@njit(inline="always")
def read_word(symbols, begin, end):
    """Return where the word at `begin` ends and its letters, up to `_LONG_WORD`, as two packed integers."""
    first = second = np.int64(0)
    i = begin
    shift = _TOP_SHIFT
    while i < end and symbols[i] != SPACE and shift >= 0:
        first |= np.int64(symbols[i]) << shift
        shift -= SYMBOL_BITS
        i += 1
    shift = _TOP_SHIFT
    while i < end and symbols[i] != SPACE:
        if shift >= 0:
            second |= np.int64(symbols[i]) << shift
            shift -= SYMBOL_BITS
        i += 1
    return i, first, second


@njit(inline="always")
def _word_home(first, second, n_slots):
    """Return the first slot of a word."""
    code = np.uint64(first) * _MULTIPLIER ^ np.uint64(second) * _SECOND_MULTIPLIER
    return np.int64(((code >> np.uint64(32)) * np.uint64(n_slots)) >> np.uint64(32))


@njit(inline="always")
def _word_slot(words, i, slots):
    """Return the slot of word i of the chunk, or the free one where it belongs."""
    first, second, slot, mask = words[i, 0], words[i, 1], words[i, 4], len(slots) - 1
    while slots[slot, 0] != 0 and (slots[slot, 0] != first or slots[slot, 1] != second):
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def _make_room(cache):
    """Empty the cache if the words of a chunk might not fit."""
    n_words = len(cache.words)
    if 4 * (cache.size[0] + n_words) > 3 * len(cache.slots) or cache.size[1] + n_words * _KEYS_A_WORD > len(cache.ids):
        cache.slots[:] = 0
        cache.size[:2] = 0


@njit(cache=True, nogil=True)
def _read_words(symbols, begin, end, cache):
    """Read the next words into ``cache.words``; return how many, and where what follows them begins and ends.

    What follows is a word too long for the cache, or begins and ends at the same place.
    """
    _make_room(cache)
    cache.size[2] += 1
    words, slots = cache.words, cache.slots
    n = 0
    while begin < end and n < len(words):
        stop, first, second = read_word(symbols, begin, end)
        if stop - begin > _LONG_WORD:
            return n, begin, stop
        if stop > begin:
            home = _word_home(first, second, len(slots))
            _prefetch(slots, 4 * home)
            words[n, 0], words[n, 1], words[n, 2], words[n, 3], words[n, 4] = first, second, begin, stop, home
            n += 1
        begin = stop + 1
    return n, begin, begin


@njit(inline="always")
def _enter_word(i, slot, n_ids, cache):
    """Enter word i of the chunk, whose `n_ids` ids stand at the end of the cache."""
    slots, size = cache.slots, cache.size
    slots[slot, 0], slots[slot, 1] = cache.words[i, 0], cache.words[i, 1]
    slots[slot, 2], slots[slot, 3] = size[1] << 8 | n_ids, 0
    size[0] += 1
    size[1] += n_ids


@njit(inline="always")
def _note_word(slot, n, cache):
    """Count the word at `slot`, given `n` distinct ones so far in the chunk; return how many there are with it."""
    slots, distinct, chunk = cache.slots, cache.distinct, cache.size[2]
    if slots[slot, 3] >> 16 == chunk:
        distinct[slots[slot, 3] & 0xFFFF, 1] += 1
        return n
    slots[slot, 3] = chunk << 16 | n
    where = slots[slot, 2]
    _prefetch(cache.ids, where >> 8)
    _prefetch(cache.ids, (where >> 8) + _LINE)
    distinct[n, 0], distinct[n, 1] = where, 1
    return n + 1


@njit(inline="always")
def _most_ngrams(length, min_n, max_n):
    """Bound the number of n-grams of words that take up `length` symbols."""
    return (length + 2) * (max_n - min_n + 1)


@njit(inline="always")
def _letter(symbols, begin, end, i):
    """Return letter i of the padded word."""
    at = begin + i - 1
    return np.int64(symbols[at]) if begin <= at < end else np.int64(SPACE)


@njit(cache=True, nogil=True)
def word_keys(symbols, begin, end, start, stop, min_n, max_n, keys):
    """Write the n-grams that start at letters `start` to `stop` of the word, a space at each side; return how many.

    A word shorter than n counts once, as a whole, as in scikit-learn.
    """
    length = end - begin + 2
    low = min(min_n, length)
    high = max(max_n, low)
    window = np.int64(0)
    for i in range(start, min(start + MAX_NGRAM - 1, length)):
        window |= _letter(symbols, begin, end, i) << (_TOP_SHIFT - SYMBOL_BITS * (i - start))
    n = 0
    for i in range(start, min(stop, length - low + 1)):
        if i + MAX_NGRAM <= length:
            window |= _letter(symbols, begin, end, i + MAX_NGRAM - 1)
        for size in range(low, min(high, length - i) + 1):
            keys[n] = window & (_FULL << (SYMBOL_BITS * (MAX_NGRAM - size)))
            n += 1
        window = (window << SYMBOL_BITS) & _FULL
    return n


@njit(cache=True, nogil=True)
def count_spans(symbols, spans, progress, document, min_n, max_n, cache, growing):
    """Count n-grams from ``progress`` (span, position, letter of a long word) on; False if `growing` was too small."""
    for span in range(progress[0], len(spans)):
        progress[0] = span
        begin, end = max(progress[1], spans[span, 0]), spans[span, 1]
        while begin < end:
            progress[1] = begin
            if progress[2] == 0:
                n_words, begin, stop = _read_words(symbols, begin, end, cache)
                n = _number_words(symbols, n_words, min_n, max_n, cache, growing)
                if n < 0:
                    return False
                _count_words(n, cache, document + span, growing)
                progress[1] = begin
            else:
                stop = read_word(symbols, begin, end)[0]
            if stop > begin:
                if not _count_long_word(symbols, begin, stop, progress, document + span, min_n, max_n, cache, growing):
                    return False
                begin = stop + 1
        progress[1] = 0
    progress[0] = len(spans)
    return True


@njit(cache=True, nogil=True)
def _number_words(symbols, n_words, min_n, max_n, cache, growing):
    """Find the distinct words of the chunk, new ones with new n-grams; return how many, -1 without room for these."""
    words, slots = cache.words, cache.slots
    n = 0
    for i in range(n_words):
        slot = _word_slot(words, i, slots)
        if slots[slot, 0] == 0:
            n_keys = word_keys(symbols, words[i, 2], words[i, 3], 0, _LONG_WORD + 2, min_n, max_n, cache.keys)
            if not _number(n_keys, cache, growing):
                return -1
            _enter_word(i, slot, n_keys, cache)
        n = _note_word(slot, n, cache)
    return n


@njit(cache=True, nogil=True)
def _number(n, cache, growing):
    """Write the numbers of the `n` keys in ``cache.keys`` to the end of the cache, giving new ones the next number.

    Returns False, with nothing done, if there is no room for so many new ones.
    """
    vocabulary, known = growing.vocabulary, growing.keys
    size = growing.size[0]
    if size + n > len(known):
        return False
    keys, homes, ids, first = cache.keys, cache.homes, cache.ids, cache.size[1]
    _find_homes(n, vocabulary, cache)
    for i in range(n):
        slot = _find(keys[i], homes[i], vocabulary)
        if vocabulary[slot, 0] == 0:
            vocabulary[slot, 0] = keys[i]
            vocabulary[slot, 1] = size
            known[size] = keys[i]
            size += 1
        ids[first + i] = vocabulary[slot, 1]
    growing.size[0] = size
    return True


@njit(inline="always")
def _find_homes(n, vocabulary, cache):
    """Set the first slots of the `n` keys in ``cache.keys``."""
    mask = len(vocabulary) - 1
    for i in range(n):
        cache.homes[i] = _slot_of(cache.keys[i], mask)
        _prefetch(vocabulary, 2 * cache.homes[i])


@njit(cache=True, nogil=True)
def _count_long_word(symbols, begin, end, progress, document, min_n, max_n, cache, growing):
    for start in range(progress[2], end - begin + 2, _LONG_WORD):
        _make_room(cache)
        n = word_keys(symbols, begin, end, start, start + _LONG_WORD, min_n, max_n, cache.keys)
        if not _number(n, cache, growing):
            progress[2] = start
            return False
        _count(cache.ids, cache.size[1], cache.size[1] + n, 1, document, growing)
    progress[2] = 0
    return True


@njit(cache=True, nogil=True)
def _count_words(n, cache, document, growing):
    """Count the n-grams of the `n` distinct words of the chunk."""
    ids, distinct = cache.ids, cache.distinct
    for i in range(n):
        first = distinct[i, 0] >> 8
        _count(ids, first, first + (distinct[i, 0] & 0xFF), distinct[i, 1], document, growing)


@njit(inline="always")
def _count(ids, first, stop, times, document, growing):
    stats = growing.stats
    for i in range(first, stop):
        ngram = ids[i]
        stats[ngram, 1] += times
        stats[ngram, 0] += stats[ngram, 2] != document
        stats[ngram, 2] = document


class Weighting(NamedTuple):
    """How counts become values, as `CharNgramTfidf` documents.

    `count_weight` holds the value of the counts 0, 1, ...; beyond its end ``1 + log(count)`` or the count itself.
    """

    idf: NDArray[np.float32]
    count_weight: NDArray[np.float64]
    sublinear: bool
    norm: int  # 0 none, 1 for l1, 2 for l2


class _Accumulator(NamedTuple):
    """Counts of one span by column; which columns are not zero, a bit each; room to list the words with such bits."""

    counts: NDArray[np.int32]
    used: NDArray[np.uint64]
    blocks: NDArray[np.int32]


def new_accumulator(n_columns: int) -> _Accumulator:
    """Return an empty accumulator."""
    n_blocks = (n_columns + 63) // 64
    counts, used = np.zeros(n_columns, dtype=np.int32), np.zeros(n_blocks, dtype=np.uint64)
    return _Accumulator(counts, used, np.empty(n_blocks, dtype=np.int32))


@njit(cache=True, nogil=True)
def transform_spans(symbols, spans, first, min_n, max_n, vocabulary, cache, sums, weighting, indices, data, indptr):
    """Append the rows of ``spans[first:]`` to a CSR matrix; return the span before which there was no more room.

    ``indptr[span]`` must hold where the row of the first span begins.
    """
    n_columns = len(sums.counts)
    n = indptr[first]
    for span in range(first, len(spans)):
        begin, end = spans[span]
        if n + min(n_columns, _most_ngrams(end - begin, min_n, max_n)) > len(indices):
            return span
        add_span(symbols, begin, end, min_n, max_n, vocabulary, cache, sums)
        n = _take_row(sums, weighting, indices, data, n)
        indptr[span + 1] = n
    return len(spans)


@njit(cache=True, nogil=True)
def add_span(symbols, begin, end, min_n, max_n, vocabulary, cache, sums):
    """Add the counts of the n-grams of one span to `sums`."""
    ids, distinct = cache.ids, cache.distinct
    while begin < end:
        n_words, begin, stop = _read_words(symbols, begin, end, cache)
        n = _look_up_words(symbols, n_words, min_n, max_n, vocabulary, cache)
        for i in range(n):
            first = distinct[i, 0] >> 8
            _add(ids, first, first + (distinct[i, 0] & 0xFF), distinct[i, 1], sums)
        if stop > begin:
            _add_long_word(symbols, begin, stop, min_n, max_n, vocabulary, cache, sums)
            begin = stop + 1


@njit(cache=True, nogil=True)
def _look_up_words(symbols, n_words, min_n, max_n, vocabulary, cache):
    """Find the distinct words of the chunk, new ones with the columns of their known n-grams; return how many."""
    words, slots = cache.words, cache.slots
    n = 0
    for i in range(n_words):
        slot = _word_slot(words, i, slots)
        if slots[slot, 0] == 0:
            n_keys = word_keys(symbols, words[i, 2], words[i, 3], 0, _LONG_WORD + 2, min_n, max_n, cache.keys)
            _enter_word(i, slot, _look_up(n_keys, vocabulary, cache), cache)
        n = _note_word(slot, n, cache)
    return n


@njit(cache=True, nogil=True)
def _look_up(n, vocabulary, cache):
    """Write the columns of those of the `n` keys in ``cache.keys`` that have one to the end of the cache."""
    keys, homes, ids, first = cache.keys, cache.homes, cache.ids, cache.size[1]
    _find_homes(n, vocabulary, cache)
    found = 0
    for i in range(n):
        slot = _find(keys[i], homes[i], vocabulary)
        ids[first + found] = vocabulary[slot, 1]
        found += vocabulary[slot, 0] != 0
    return found


@njit(cache=True, nogil=True)
def _add_long_word(symbols, begin, end, min_n, max_n, vocabulary, cache, sums):
    _make_room(cache)
    for start in range(0, end - begin + 2, _LONG_WORD):
        n = word_keys(symbols, begin, end, start, start + _LONG_WORD, min_n, max_n, cache.keys)
        found = _look_up(n, vocabulary, cache)
        _add(cache.ids, cache.size[1], cache.size[1] + found, 1, sums)


@njit(inline="always")
def _add(ids, first, stop, times, sums):
    counts, used = sums.counts, sums.used
    for i in range(first, stop):
        column = ids[i]
        counts[column] += np.int32(times)
        used[column >> 6] |= np.uint64(1) << np.uint64(column & 63)


@njit(inline="always")
def add_key(key, vocabulary, sums):
    """Count one feature in `sums`, if the vocabulary has it."""
    slot = _find(key, _slot_of(key, len(vocabulary) - 1), vocabulary)
    if vocabulary[slot, 0] != 0:
        column = vocabulary[slot, 1]
        sums.counts[column] += np.int32(1)
        sums.used[column >> 6] |= np.uint64(1) << np.uint64(column & 63)


@njit(cache=True, nogil=True)
def take_columns(sums, columns, first):
    """Write the numbers of the bits that are set in ``sums.used`` to ``columns[first:]``, clear them; return the end.

    Most words have no bit, few more than four: those with bits are listed first, then four are always written, and the
    end moves by as many as there are: cheaper than branches that no processor can predict.
    """
    used, blocks = sums.used, sums.blocks
    n_blocks = 0
    for block in range(len(used)):
        blocks[n_blocks] = block
        n_blocks += used[block] != 0
    end = first
    for block in blocks[:n_blocks]:
        bits = used[block]
        used[block] = 0
        i = end
        end += np.int64(_count_ones(bits))
        if i + _WRITTEN_AHEAD <= len(columns):
            for _ in range(_WRITTEN_AHEAD):
                columns[i] = 64 * block + np.int64(_trailing_zeros(bits))
                bits &= bits - np.uint64(1)
                i += 1
        while i < end:
            columns[i] = 64 * block + np.int64(_trailing_zeros(bits))
            bits &= bits - np.uint64(1)
            i += 1
    return end


@njit(cache=True, nogil=True)
def _take_row(sums, weighting, indices, data, first):
    """Move the counts out of `sums` as weighted, normed values, in column order; return the end of the row."""
    counts, idf, norm = sums.counts, weighting.idf, weighting.norm
    end = take_columns(sums, indices, first)
    total = 0.0
    for i in range(first, end):
        column = indices[i]
        value = weigh_count(counts[column], weighting) * np.float64(idf[column])
        counts[column] = 0
        data[i] = value
        total += value * value if norm == 2 else abs(value)
    if norm and total > 0.0:
        scale = 1.0 / (np.sqrt(total) if norm == 2 else total)
        for i in range(first, end):
            data[i] *= scale
    return end


@njit(inline="always")
def weigh_count(count, weighting):
    """Return the term-frequency part of a value."""
    if count < len(weighting.count_weight):
        return weighting.count_weight[count]
    return 1.0 + np.log(count) if weighting.sublinear else np.float64(count)


class RowWriter:
    """Turns batches of spans into the arrays of one CSR matrix."""

    def __init__(
        self, ngram_range: tuple[int, int], vocabulary: Vocabulary, weighting: Weighting, n_symbols: int
    ) -> None:
        """Prepare for spans of about `n_symbols` in all."""
        self.ngram_range = ngram_range
        self.vocabulary = vocabulary
        self.weighting = weighting
        self.n_symbols = n_symbols
        self._cache = new_word_cache()
        self._sums = new_accumulator(len(weighting.idf))
        self._indices = np.empty(0, dtype=np.int32)
        self._data = np.empty(0, dtype=np.float32)
        self._indptr = [np.zeros(1, dtype=np.int64)]
        self._n_read = 0

    def add(self, symbols: NDArray[np.uint8], spans: NDArray[np.int64]) -> None:
        """Append a row a span."""
        indptr = np.empty(len(spans) + 1, dtype=np.int64)
        indptr[0] = self._indptr[-1][-1]
        first = self._transform(symbols, spans, 0, indptr)
        while first < len(spans):
            self._grow(int(indptr[first]), self._n_read + int(spans[first, 0]), int(spans[first, 1] - spans[first, 0]))
            first = self._transform(symbols, spans, first, indptr)
        self._indptr.append(indptr[1:])
        self._n_read += len(symbols)

    def csr(self) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
        """Return data, indices and indptr."""
        indptr = np.concatenate(self._indptr)
        return self._data[: indptr[-1]], self._indices[: indptr[-1]], indptr

    def _transform(
        self, symbols: NDArray[np.uint8], spans: NDArray[np.int64], first: int, indptr: NDArray[np.int64]
    ) -> int:
        args = (self.vocabulary, self._cache, self._sums, self.weighting, self._indices, self._data, indptr)
        return int(transform_spans(symbols, spans, first, *self.ngram_range, *args))

    def _grow(self, n_used: int, n_read: int, n_next: int) -> None:
        """Make room for the next span, and for the rest if it is as rich as what was read.

        Memory that is not touched costs nothing, a second move of the arrays does: hence a generous guess.
        """
        min_n, max_n = self.ngram_range
        most = min((n_next + 2) * (max_n - min_n + 1), len(self.weighting.idf))
        rest = n_used / n_read * (self.n_symbols - n_read) * 1.2 if n_read else 0
        size = n_used + max(int(rest), n_used // 2, 1 << 18) + most
        for name in ("_indices", "_data"):
            grown = np.empty(size, dtype=getattr(self, name).dtype)
            grown[:n_used] = getattr(self, name)[:n_used]
            setattr(self, name, grown)
