"""Normalized texts as small integers: the symbol table, and the kernel that applies it.

One table look-up a code point gives what `normalize_text` gives. Code points whose normal form depends on their
neighbours, or is longer than one character, send their text through `normalize_text` first.
"""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from classifier import _codepoints as cp
from classifier.errors import ConfigError, InvalidTextError
from classifier.normalize import BOUNDARY, DEFAULT_OPTIONS, NormalizeOptions, normalize_chunk, normalize_text

__all__ = ["SYMBOL_BITS", "SymbolTable", "WrittenTable", "symbol_table", "written_table"]

SYMBOL_BITS = 7
DROPPED, SPACE, INDIRECT = 0, 1, 255
MOST_SYMBOLS = 126
_TABLE_SIZE = 0x20000


class SymbolTable:
    """Maps raw texts to normalized symbols.

    Parameters
    ----------
    options : NormalizeOptions
        The folds to make.

    Raises
    ------
    ConfigError
        If they leave more than 126 characters.

    Attributes
    ----------
    alphabet : str
        ``alphabet[i]`` is the character of symbol ``i + 1``, in code point order; the first is the space.
    codes : ndarray of shape (131072,), uint8
        Symbol of each code point; 0 drops it, 255 needs `normalize_text`.
    """

    def __init__(self, options: NormalizeOptions = DEFAULT_OPTIONS) -> None:
        self.options = options
        folded = {code: normalize_chunk(chr(code), options) for block in cp.FOLDED_BLOCKS for code in range(*block)}
        self.alphabet = "".join(sorted(set("".join(folded.values()))))
        if len(self.alphabet) > MOST_SYMBOLS:
            raise ConfigError(
                f"normalization must leave at most {MOST_SYMBOLS} characters, these options leave "
                f"{len(self.alphabet)}: fold more"
            )
        self.codes = self._codes(folded)
        self._codes_if_normalized = self.codes.copy()
        self._codes_if_normalized[[ord(c) for c in self.alphabet]] = np.arange(len(self.alphabet)) + SPACE

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Normalize `texts` and lay their symbols end to end.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        symbols : ndarray of uint8
            Words separated by one `SPACE`, with no space at either end of a text.
        ends : ndarray of shape (n_texts,), int64
            ``symbols[ends[i - 1]:ends[i]]`` is text i.

        Raises
        ------
        InvalidTextError
            If one of them is not a str; names its index.
        """
        check_texts(texts)
        symbols, ends, indirect = self._encode_direct(texts, self.codes)
        if indirect.any():
            texts = [normalize_text(t, self.options) if i else t for t, i in zip(texts, indirect, strict=True)]
            symbols, ends, _ = self._encode_direct(texts, self._codes_if_normalized)
        return symbols, ends

    def decode(self, symbols: NDArray[np.uint8]) -> str:
        """Return the normalized text that `symbols` stand for."""
        return "".join(self.alphabet[s - 1] for s in symbols)

    @staticmethod
    def _encode_direct(
        texts: Sequence[str], codes: NDArray[np.uint8]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.bool_]]:
        points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        ends = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)))
        symbols = np.empty(len(points), dtype=np.uint8)
        symbol_ends = np.empty(len(ends), dtype=np.int64)
        indirect = np.zeros(len(ends), dtype=np.bool_)
        n = fold_code_points(points, ends, codes, symbols, symbol_ends, indirect)
        return symbols[:n], symbol_ends, indirect

    def _codes(self, folded: dict[int, str]) -> NDArray[np.uint8]:
        codes = np.full(_TABLE_SIZE, SPACE, dtype=np.uint8)
        symbol = {character: i + 1 for i, character in enumerate(self.alphabet)}
        for code, text in folded.items():
            codes[code] = self._code(text, symbol)
        for code in self._context_dependent():
            codes[code] = INDIRECT
        return codes

    @staticmethod
    def _code(text: str, symbol: dict[str, int]) -> int:
        if not text:
            return DROPPED
        if not text.strip(BOUNDARY):
            return SPACE
        return symbol[text] if len(text) == 1 else INDIRECT

    def _context_dependent(self) -> list[int]:
        """Code points whose fold may depend on the characters around them."""
        o = self.options
        marks = [] if o.fold_alef and o.fold_hamza and o.fold_variants else list(map(ord, cp.MARKS_THAT_COMPOSE))
        if not o.strip_tashkeel:
            marks += [code for block in cp.FOLDED_BLOCKS for code in range(*block) if unicodedata.combining(chr(code))]
        return marks


class WrittenTable(SymbolTable):
    """Maps raw texts to their characters as they are written, in lower case: spelling, vowel marks, punctuation.

    Characters without a symbol of their own get that of their default fold; what would be several is a boundary. No
    neighbour counts, so no text needs `normalize_text`.

    Attributes
    ----------
    is_letter : ndarray of shape (256,), bool
        Which symbols are letters or digits: what normalization leaves something of.
    """

    def __init__(self) -> None:
        default = symbol_table()
        self.alphabet = "".join(sorted(set(BOUNDARY + cp.WRITTEN)))
        symbol = {character: i + SPACE for i, character in enumerate(self.alphabet)}
        of_fold = np.full(INDIRECT + 1, SPACE, dtype=np.uint8)
        of_fold[DROPPED] = DROPPED
        of_fold[SPACE : SPACE + len(default.alphabet)] = [symbol[character] for character in default.alphabet]
        self.codes = of_fold[default.codes]
        self.is_letter = np.zeros(INDIRECT + 1, dtype=np.bool_)
        for character, code in symbol.items():
            self.codes[[ord(character), ord(character.upper())]] = code
            self.is_letter[code] = bool(normalize_text(character))


def symbol_table(options: NormalizeOptions = DEFAULT_OPTIONS) -> SymbolTable:
    """Return the table of `options`, built once a process."""
    return _symbol_table(options)


_symbol_table = lru_cache(maxsize=8)(SymbolTable)


@lru_cache(maxsize=1)
def written_table() -> WrittenTable:
    """Return the table of characters as they are written, built once a process."""
    return WrittenTable()


def check_texts(texts: Sequence[str]) -> None:
    """Raise InvalidTextError for the first element of `texts` that is not a str."""
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidTextError(f"texts[{i}] must be str, got {text!r:.40}")


@njit(cache=True, nogil=True)
def fold_code_points(points, ends, codes, symbols, symbol_ends, indirect):
    """Fill `symbols`, `symbol_ends`, `indirect`; return the number of symbols."""
    n = 0
    start = 0
    for text in range(len(ends)):
        first = n
        last = np.uint8(SPACE)
        highest = np.uint8(0)
        for i in range(start, ends[text]):
            symbol = codes[points[i]] if points[i] < len(codes) else np.uint8(SPACE)
            # Written always, kept only if it counts: cheaper than a branch that no processor can predict.
            symbols[n] = symbol
            kept = symbol > SPACE or (symbol == SPACE and last != SPACE)
            n += kept
            last = symbol if kept else last
            highest = max(highest, symbol)
        indirect[text] = highest == INDIRECT
        if n > first and symbols[n - 1] == SPACE:
            n -= 1
        start = ends[text]
        symbol_ends[text] = n
    return n
