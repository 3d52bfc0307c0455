import unicodedata
from itertools import pairwise
from sys import maxunicode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import _codepoints as cp
from classifier.errors import ConfigError, InvalidTextError
from classifier.normalize import DEFAULT_OPTIONS, NormalizeOptions, normalize_text
from classifier.symbols import (
    DROPPED,
    INDIRECT,
    MOST_SYMBOLS,
    SPACE,
    SYMBOL_BITS,
    SymbolTable,
    symbol_table,
    written_table,
)

OPTIONS = {
    "default": DEFAULT_OPTIONS,
    "keeps variants": NormalizeOptions(fold_variants=False),
    "keeps hamza": NormalizeOptions(fold_hamza=False),
    "keeps tashkeel": NormalizeOptions(strip_tashkeel=False),
    "keeps punctuation": NormalizeOptions(punctuation="keep"),
    "keeps case and digits": NormalizeOptions(lowercase=False, fold_digits=False),
}
with_all_options = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def decode_all(table, symbols, ends):
    bounds = pairwise([0, *ends.tolist()])
    return [table.decode(symbols[begin:end]) for begin, end in bounds]


@with_all_options
@given(data=st.data())
def test_symbols_are_the_normalized_texts(data, raw_texts, options):
    texts = data.draw(st.lists(raw_texts))
    table = symbol_table(options)
    assert decode_all(table, *table.encode(texts)) == [normalize_text(text, options) for text in texts]


@with_all_options
def test_every_code_point_between_letters(options):
    table = symbol_table(options)
    texts = [f"ب{chr(code)}ب" for code in range(0x20000)]
    assert decode_all(table, *table.encode(texts)) == [normalize_text(text, options) for text in texts]


@with_all_options
def test_every_letter_with_every_mark(options):
    letters = [
        chr(code) for code in (*range(0x21, 0x250), *range(0x600, 0x700)) if not unicodedata.combining(chr(code))
    ]
    marks = [chr(code) for code in (*range(0x300, 0x370), *range(0x600, 0x700)) if unicodedata.combining(chr(code))]
    table = symbol_table(options)
    texts = [letter + mark for letter in letters for mark in marks]
    assert decode_all(table, *table.encode(texts)) == [normalize_text(text, options) for text in texts]


def test_code_points_outside_the_folded_blocks_are_boundaries():
    inside = {code for block in cp.FOLDED_BLOCKS for code in range(*block)}
    outside = [code for code in range(maxunicode + 1) if code not in inside]
    assert len(outside) > 1_000_000
    for options in (DEFAULT_OPTIONS, NormalizeOptions(*[False] * 9, punctuation="keep")):
        # NFKC leaves unassigned and private code points alone, so one pass over the assigned ones and these is enough.
        assigned = [chr(code) for code in outside if unicodedata.category(chr(code)) not in ("Cn", "Co")]
        rest = [chr(code) for code in outside if unicodedata.category(chr(code)) in ("Cn", "Co")][::997]
        assert [c for c in assigned + rest if normalize_text(f"ب{c}ب", options) != "ب ب"] == []


def test_folded_blocks_are_in_order_and_within_the_table():
    bounds = [bound for block in cp.FOLDED_BLOCKS for bound in block]
    assert bounds == sorted(bounds)
    assert bounds[-1] <= len(symbol_table().codes)


@with_all_options
def test_alphabet_fits_the_packing(options):
    alphabet = symbol_table(options).alphabet
    assert alphabet[0] == " "
    assert list(alphabet) == sorted(set(alphabet))
    assert len(alphabet) < 2**SYMBOL_BITS


def test_refuses_more_characters_than_fit():
    with pytest.raises(ConfigError, match="at most 126 characters, these options leave 134: fold more"):
        SymbolTable(NormalizeOptions(fold_variants=False, fold_digits=False))


def test_codes_by_hand():
    codes = symbol_table().codes
    assert codes[ord(" ")] == codes[ord("\n")] == codes[ord("،")] == codes[0x1FFFF] == SPACE
    assert codes[0x064E] == codes[0x0640] == codes[0x200F] == DROPPED
    assert codes[ord("أ")] == codes[ord("ا")]
    assert codes[0xFDFA] == INDIRECT


def test_characters_as_they_are_written():
    table = written_table()
    assert list(table.alphabet) == sorted(set(table.alphabet))
    assert len(table.alphabet) == MOST_SYMBOLS
    assert not table.codes[table.codes == INDIRECT].size
    text = "«أَحْمـد»،\u200f قال: Café … ٣ﻼ\ufdfa%\t٪\U0001f600"
    symbols, _ = table.encode([text])
    assert table.decode(symbols) == "«أَحْمـد»، قال: cafe … 3 % ٪"


def test_empty_batches_and_texts():
    table = symbol_table()
    symbols, ends = table.encode([])
    assert (len(symbols), len(ends)) == (0, 0)
    symbols, ends = table.encode(["", " \u200f ", "با", ""])
    assert ends.tolist() == [0, 0, 2, 2]


def test_texts_may_lie_anywhere_in_a_batch():
    table = symbol_table()
    symbols, ends = table.encode([" با ", "\ufdfa با", "\U0010ffff با"])
    assert decode_all(table, symbols, ends) == ["با", "صلي الله عليه وسلم با", "با"]
    assert symbols.dtype == np.uint8


def test_table_is_built_once():
    assert symbol_table() is symbol_table(NormalizeOptions())
    assert isinstance(symbol_table(), SymbolTable)


@pytest.mark.parametrize(("text", "shown"), [(None, "None"), (b"x", "b'x'"), (1.5, "1.5")])
def test_refuses_what_is_no_text(text, shown):
    with pytest.raises(InvalidTextError, match=rf"texts\[1\] must be str, got {shown}"):
        symbol_table().encode(["x", text])
