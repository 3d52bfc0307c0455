from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from classifier import ngrams
from classifier.ngrams import MAX_NGRAM, NgramCounter, NgramCounts, RowWriter, Weighting, spans_of
from classifier.normalize import normalize_text
from classifier.symbols import SPACE, symbol_table

TABLE = symbol_table()
RANGES = [(1, 1), (2, 5), (3, 3), (1, 9), (9, 9), (5, 7)]
LETTERS = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي0123456789abcdefghijklmnopqrstuvwxyz"
ADVERSARIAL = {
    "empty": "",
    "one code point": "ا",
    "only marks": "\u064b\u0640\u200f",
    "only punctuation": "،؛ .",
    "lone surrogates": "\ud800ا\udfff ب\udc00",
    "two letters": "قد",
    "a word of 18": "ابتثجحخدذرزسشصضطظع",
    "a word of 19": "ابتثجحخدذرزسشصضطظعغ",
    "a word of 20": "ابتثجحخدذرزسشصضطظعغف",
    "a word of 36": "ابتثجحخدذرزسشصضطظع" * 2,
    "a word of 2000": "ابتثجحخدذرز" * 182,
    "one letter 3000 times": "ا" * 3000,
    "one word 3000 times": "قال " * 3000,
    "words that share 18 letters": "ابتثجحخدذرزسشصضطظع " + "ابتثجحخدذرزسشصضطظعغ " * 2 + "ابتثجحخدذرزسشصضطظعف",
    "all letters": " ".join(LETTERS),
}
texts_of_words = st.text(st.sampled_from("ابتث "), max_size=60) | st.text(st.sampled_from(LETTERS + " "), max_size=200)
with_all_ranges = pytest.mark.parametrize("ngram_range", RANGES, ids=lambda r: f"{r[0]} to {r[1]}")


def reference_ngrams(text, min_n, max_n):
    """What scikit-learn's char_wb gives, in plain Python: the n-grams of each word with a space at each side."""
    found = []
    for word in normalize_text(text).split():
        padded = f" {word} "
        for n in range(min_n, max_n + 1):
            found += [padded[i : i + n] for i in range(len(padded) - n + 1)]
        if len(padded) < min_n:
            found.append(padded)
    return Counter(found)


def count(texts, ngram_range, counter=None):
    counter = counter or NgramCounter(ngram_range)
    symbols, ends = TABLE.encode(texts)
    counter.add(symbols, spans_of(ends))
    return counter


def as_dict(counts):
    names = ngrams.unpack(counts.keys, TABLE.alphabet)
    frequencies = zip(counts.document_frequency.tolist(), counts.term_frequency.tolist(), strict=True)
    return dict(zip(names, frequencies, strict=True))


def reference_counts(texts, ngram_range):
    each = [reference_ngrams(text, *ngram_range) for text in texts]
    document_frequency = Counter(ngram for ngrams in each for ngram in ngrams)
    return {ngram: (document_frequency[ngram], total) for ngram, total in sum(each, Counter()).items()}


def raw_weighting(n_columns):
    """Counts as they are."""
    return Weighting(np.ones(n_columns, dtype=np.float32), np.arange(4, dtype=np.float64), False, 0)


def rows(texts, keys, ngram_range, cache=None):
    """Return the counts of each text by n-gram."""
    writer = RowWriter(ngram_range, ngrams.build_vocabulary(keys), raw_weighting(len(keys)), 10)
    writer._cache = cache or writer._cache
    symbols, ends = TABLE.encode(texts)
    writer.add(symbols, spans_of(ends))
    data, indices, indptr = writer.csr()
    assert all((np.diff(indices[a:b]) > 0).all() for a, b in pairwise(indptr))
    names = ngrams.unpack(keys, TABLE.alphabet)
    return [dict(zip(names[indices[a:b]].tolist(), data[a:b].tolist(), strict=True)) for a, b in pairwise(indptr)]


@with_all_ranges
@pytest.mark.parametrize("text", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_counts_adversarial_texts(text, ngram_range):
    texts = [text, "قال", text]
    assert as_dict(count(texts, ngram_range).counts()) == reference_counts(texts, ngram_range)


@with_all_ranges
@pytest.mark.parametrize("text", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_rows_of_adversarial_texts(text, ngram_range):
    texts = [text, "قال", text]
    keys = count(texts, ngram_range).counts().keys
    assert rows(texts, keys, ngram_range) == [reference_ngrams(t, *ngram_range) for t in texts]


@with_all_ranges
@given(texts=st.lists(texts_of_words, max_size=5), others=st.lists(texts_of_words, max_size=5))
def test_counts_and_rows_equal_the_reference(ngram_range, texts, others):
    counts = count(texts, ngram_range).counts()
    assert as_dict(counts) == reference_counts(texts, ngram_range)
    known = set(as_dict(counts))
    expected = [
        {ngram: n for ngram, n in reference_ngrams(text, *ngram_range).items() if ngram in known} for text in others
    ]
    assert rows(others, counts.keys, ngram_range) == expected


@given(texts=st.lists(texts_of_words, max_size=6), cut=st.integers(0, 6))
def test_counting_in_parts(texts, cut):
    whole = as_dict(count(texts, (2, 5)).counts())
    in_batches = count(texts[cut:], (2, 5), count(texts[:cut], (2, 5)))
    merged = count(texts[:cut], (2, 5)).counts().merge(count(texts[cut:], (2, 5)).counts())
    assert as_dict(in_batches.counts()) == as_dict(merged) == whole
    assert in_batches.counts().n_documents == merged.n_documents == len(texts)


def test_merge_by_hand():
    a = NgramCounts(np.array([1, 3]), np.array([1, 2]), np.array([1, 5]), 2)
    b = NgramCounts(np.array([2, 3]), np.array([1, 1]), np.array([4, 1]), 3)
    keys, document_frequency, term_frequency, n_documents = a.merge(b)
    assert keys.tolist() == [1, 2, 3]
    assert document_frequency.tolist() == [1, 1, 3]
    assert term_frequency.tolist() == [1, 4, 6]
    assert n_documents == 5
    assert document_frequency.dtype == term_frequency.dtype == np.int64


@with_all_ranges
@given(texts=st.lists(texts_of_words, min_size=1, max_size=5))
def test_a_small_cache_is_emptied_and_refilled(ngram_range, texts):
    alike = " ".join(f"ابتثجحخدذ{letter}" for letter in LETTERS)
    texts += ["ابتثجحخدذرزسشصضطظعغ" * 3, alike, *texts]
    counter = NgramCounter(ngram_range)
    counter._cache = ngrams.new_word_cache(2)
    counts = count(texts, ngram_range, counter).counts()
    assert as_dict(counts) == reference_counts(texts, ngram_range)
    small = rows(texts, counts.keys, ngram_range, ngrams.new_word_cache(2))
    assert small == [reference_ngrams(text, *ngram_range) for text in texts]


@with_all_ranges
@given(texts=st.lists(texts_of_words, min_size=1, max_size=5))
def test_counting_goes_on_where_a_table_was_full(ngram_range, texts):
    texts += ["ابتثجحخدذرزسشصضطظعغ" * 3, *texts]
    counter = NgramCounter(ngram_range)
    counter._growing = ngrams._new_growing(1)
    assert as_dict(count(texts, ngram_range, counter).counts()) == reference_counts(texts, ngram_range)


def test_rows_go_on_where_the_buffer_was_full():
    texts = [text * 7 for text in ADVERSARIAL.values()]
    keys = count(texts, (2, 5)).counts().keys
    symbols, ends = TABLE.encode(texts)
    vocabulary, cache = ngrams.build_vocabulary(keys), ngrams.new_word_cache()
    sums, weighting = ngrams.new_accumulator(len(keys)), raw_weighting(len(keys))
    stops = []
    for size in (0, len(keys), 10**6):
        indptr = np.zeros(len(texts) + 1, dtype=np.int64)
        buffers = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.float32), indptr
        stop = ngrams.transform_spans(symbols, spans_of(ends), 0, 2, 5, vocabulary, cache, sums, weighting, *buffers)
        assert indptr[stop] <= size
        assert not sums.counts.any()
        assert not sums.used.any()
        stops.append(stop)
    assert stops[0] < stops[1] < stops[2] == len(texts)


def test_spans_may_overlap_and_come_in_any_order():
    symbols, _ = TABLE.encode(["قال الوزير نعم"])
    spans = np.array([[4, 14], [0, 3], [4, 10], [4, 4], [0, 14]])
    counter = NgramCounter((2, 3))
    counter.add(symbols, spans)
    texts = ["الوزير نعم", "قال", "الوزير", "", "قال الوزير نعم"]
    assert as_dict(counter.counts()) == reference_counts(texts, (2, 3))


def test_spans_of():
    assert spans_of(np.array([2, 2, 5])).tolist() == [[0, 2], [2, 2], [2, 5]]
    assert spans_of(np.array([], dtype=np.int64)).shape == (0, 2)


def test_counts_beyond_16_bits():
    text = "قال " * 70_000
    counts = count([text], (2, 3)).counts()
    assert set(as_dict(counts).values()) == {(1, 70_000)}
    assert set(rows([text], counts.keys, (2, 3))[0].values()) == {70_000.0}


def test_a_million_letters_without_a_space():
    text = LETTERS * 16_000
    counts = count([text], (2, 9)).counts()
    assert counts.term_frequency.sum() == sum(len(text) + 2 - n + 1 for n in range(2, 10))


def test_keys_sort_as_their_strings():
    counts = count(list(ADVERSARIAL.values()), (1, MAX_NGRAM)).counts()
    names = ngrams.unpack(counts.keys, TABLE.alphabet).tolist()
    assert (np.diff(counts.keys) > 0).all()
    assert names == sorted(names)


def test_unpack_by_hand():
    keys = np.array([1 << 56, (1 << 56) + (2 << 49), sum(SPACE << 7 * i for i in range(9))])
    assert ngrams.unpack(keys, " با").tolist() == [" ", " ب", " " * 9]


@pytest.mark.parametrize("room", [0, 3, 100])
@given(columns=st.sets(st.integers(0, 299)), first=st.integers(0, 5))
def test_take_columns(room, columns, first):
    sums = ngrams.new_accumulator(300)
    for column in columns:
        sums.used[column // 64] |= np.uint64(1 << column % 64)
    buffer = np.full(first + len(columns) + room + 8, -1, dtype=np.int32)
    end = ngrams.take_columns(sums, buffer[: len(buffer) - 8], first)
    assert end == first + len(columns)
    assert buffer[first:end].tolist() == sorted(columns)
    assert (buffer[:first] == -1).all()
    assert (buffer[-8:] == -1).all(), "wrote beyond the buffer"
    assert not sums.used.any()


@njit
def may_hold(key, bits):
    return ngrams.may_hold(key, bits)


def test_vocabulary_finds_what_was_put_in():
    keys = np.unique(np.random.default_rng(0).integers(1, 2**63, 3000))
    vocabulary = ngrams.build_vocabulary(keys)
    assert len(vocabulary) >= 2 * len(keys)
    found = vocabulary[vocabulary[:, 0] != 0]
    assert dict(found.tolist()) == dict(zip(keys.tolist(), range(len(keys)), strict=True))


def test_filter_lets_all_keys_through_and_few_others():
    keys = np.unique(np.random.default_rng(0).integers(1, 2**62, 3000))
    bits = ngrams.build_filter(keys[::2])
    let_through = np.array([may_hold(key, bits) for key in keys])
    assert let_through[::2].all()
    assert let_through[1::2].mean() < 0.1


def test_empty_filter_lets_nothing_through():
    assert not may_hold(1, ngrams.build_filter(np.zeros(0, dtype=np.int64)))


def test_empty_vocabulary():
    assert rows(["قال"], np.array([], dtype=np.int64), (2, 5)) == [{}]
