"""Arabic text normalization: a pure, idempotent function, and the way back to the original characters.

The folds, their order and the measurements behind each default: docs/normalization.md.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from pyarabic import araby

from classifier import _codepoints as cp
from classifier.errors import ConfigError, InvalidTextError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NormalizeOptions", "normalize_text", "normalize_with_offsets"]

BOUNDARY = " "
PUNCTUATION = ".,;:!?\"'()[]-/%"
_LONG_WORD = 100
_MOST_MARKS = 30
_FOLDED_ALEFS = frozenset(araby.ALEFAT) - {araby.ALEF_MAKSURA, cp.SUPERSCRIPT_ALEF}
_DIGITS = {
    c: str(i) for digits in (cp.ARABIC_INDIC_DIGITS, cp.EXTENDED_ARABIC_INDIC_DIGITS) for i, c in enumerate(digits)
}


@dataclass(frozen=True, slots=True)
class NormalizeOptions:
    """Which lossy folds are made. Every field is a bool but `punctuation`.

    Parameters
    ----------
    strip_tashkeel
        Drop short vowels, tanween, shadda, sukun. Koranic annotation marks are dropped always.
    strip_tatweel
        Drop the kashida.
    fold_alef
        Alef with hamza, madda or wasla -> bare alef.
    fold_hamza
        Waw and yeh with hamza -> waw, yeh.
    fold_yeh
        Alef maksura -> yeh.
    fold_teh_marbuta
        Teh marbuta -> heh.
    fold_variants
        Persian, Urdu, Kurdish, Maghrebi letter shapes -> the Arabic letter.
    fold_digits
        Arabic-Indic and extended Arabic-Indic digits -> ASCII digits.
    lowercase
        Latin letters to lower case. Their diacritics are dropped always.
    punctuation
        ``"boundary"``: every punctuation mark separates words; ``"keep"``: a small set is kept, its variants folded.

    Raises
    ------
    ConfigError
        If `punctuation` is neither of the two.
    """

    strip_tashkeel: bool = True
    strip_tatweel: bool = True
    fold_alef: bool = True
    fold_hamza: bool = True
    fold_yeh: bool = True
    fold_teh_marbuta: bool = True
    fold_variants: bool = True
    fold_digits: bool = True
    lowercase: bool = True
    punctuation: str = "boundary"

    def __post_init__(self) -> None:
        """Check `punctuation`."""
        if self.punctuation not in ("boundary", "keep"):
            raise ConfigError(f"punctuation must be 'boundary' or 'keep', got {self.punctuation!r}")


DEFAULT_OPTIONS = NormalizeOptions()


def normalize_text(text: str, options: NormalizeOptions = DEFAULT_OPTIONS) -> str:
    """Normalize Arabic text: NFKC, then letter folds, with one space at each boundary.

    Idempotent. Every character that is no letter of the Arabic, Latin or digit sets (and no kept mark) is a boundary.

    Parameters
    ----------
    text : str
        Any string, lone surrogates included.
    options : NormalizeOptions
        Which lossy folds to make.

    Returns
    -------
    str
        Without leading, trailing or doubled spaces.

    Raises
    ------
    InvalidTextError
        If `text` is not a str.

    Examples
    --------
    >>> normalize_text("أُعلِنَت  الحَـــرب على «المدينة» ١٩٩٠")
    'اعلنت الحرب علي المدينه 1990'
    """
    if not isinstance(text, str):
        raise InvalidTextError(f"text must be str, got {type(text).__name__}")
    folds = _folds(options)
    while True:
        folded = BOUNDARY.join(_nfkc(text).translate(folds).split())
        if options.strip_tashkeel or folded == text:
            return folded
        # Kept marks may stand in another order once a tatweel between them is gone.
        text = folded


def normalize_with_offsets(text: str, options: NormalizeOptions = DEFAULT_OPTIONS) -> "tuple[str, NDArray[np.int64]]":
    """Normalize `text` and say where each character of the result came from.

    Parameters
    ----------
    text : str
        Any string.
    options : NormalizeOptions
        Which lossy folds to make.

    Returns
    -------
    normalized : str
        The same as ``normalize_text(text, options)``.
    offsets : ndarray of shape (len(normalized) + 1,), int64
        ``text[offsets[i]]`` is (the first of) what became ``normalized[i]``; non-decreasing; the last is ``len(text)``.

    Examples
    --------
    >>> normalize_with_offsets("قَـد")[1].tolist()
    [0, 3, 4]
    """
    import numpy as np  # Here, so that normalizing alone costs no import of it.

    characters: list[str] = []
    offsets: list[int] = []
    for start, stop in pairwise(_chunk_bounds(text)):
        for character in normalize_chunk(text[start:stop], options):
            if character == BOUNDARY and (not characters or characters[-1] == BOUNDARY):
                continue
            characters.append(character)
            offsets.append(start)
    if characters and characters[-1] == BOUNDARY:
        characters.pop(), offsets.pop()
    normalized = "".join(characters)
    if normalized != normalize_text(text, options):
        normalized, offsets = _align(text, options)
    return normalized, np.array([*offsets, len(text)], dtype=np.int64)


def normalize_chunk(chunk: str, options: NormalizeOptions) -> str:
    """Fold a starter and its marks, keeping a boundary as a space."""
    return _nfkc(chunk).translate(_folds(options))


def _nfkc(text: str) -> str:
    """Return NFKC, of the text in the Stream-Safe Text Format of Unicode Standard Annex 15 if it has long words.

    To put the marks of one letter into order takes time quadratic in their number.
    """
    if max(map(len, text.split()), default=0) > _LONG_WORD:
        text = _stream_safe(text)
    return unicodedata.normalize("NFKC", text)


def _stream_safe(text: str) -> str:
    """Put a joiner, which every fold drops, into each run of more marks than any script has on a letter."""
    pieces: list[str] = []
    n_marks = 0
    for character in text:
        n_marks = n_marks + 1 if _is_mark(character) else 0
        if n_marks > _MOST_MARKS:
            pieces.append(cp.COMBINING_GRAPHEME_JOINER)
            n_marks = 1
        pieces.append(character)
    return "".join(pieces)


@lru_cache(maxsize=4096)
def _is_mark(character: str) -> bool:
    return unicodedata.combining(unicodedata.normalize("NFKD", character)[0]) > 0


def _chunk_bounds(text: str) -> list[int]:
    """Positions before which no character combines with the next."""
    return [i for i, c in enumerate(text) if i == 0 or not unicodedata.combining(c)] + [len(text)]


def _align(text: str, options: NormalizeOptions) -> tuple[str, list[int]]:
    """Offsets by whole words, for the rare text whose marks move when something between them is dropped."""
    characters: list[str] = []
    offsets: list[int] = []
    start = 0
    bounds = [i for i, c in enumerate(text) if normalize_chunk(c, options).startswith(BOUNDARY)] + [len(text)]
    for stop in bounds:
        word = normalize_text(text[start:stop], options)
        if word:
            if characters:
                characters.append(BOUNDARY)
                offsets.append(start)
            characters.extend(word)
            offsets.extend([start] * len(word))
        start = stop
    return "".join(characters), offsets


class _Folds(dict[int, str]):
    """The table that `str.translate` reads, filled as characters turn up."""

    def __init__(self, options: NormalizeOptions) -> None:
        super().__init__()
        self.options = options

    def __missing__(self, code: int) -> str:
        folded = self[code] = fold_character(chr(code), self.options)
        return folded


@lru_cache(maxsize=16)
def _folds(options: NormalizeOptions) -> _Folds:
    return _Folds(options)


def fold_character(character: str, options: NormalizeOptions) -> str:
    """Fold one character of an NFKC text: to a letter, to nothing, or to a boundary (a space)."""
    if character in cp.INVISIBLE:
        return ""
    if character == araby.TATWEEL:
        return "" if options.strip_tatweel else character
    if unicodedata.category(character) == "Mn":
        return _fold_mark(character, options)
    if character in PUNCTUATION or character in cp.PUNCTUATION_VARIANTS:
        return _fold_punctuation(character, options)
    if character in _DIGITS:
        return _DIGITS[character] if options.fold_digits else character
    return _fold_letter(character, options)


def _fold_mark(mark: str, options: NormalizeOptions) -> str:
    if mark in araby.TASHKEEL and not options.strip_tashkeel:
        return mark
    dropped = mark in cp.LATIN_MARKS or unicodedata.name(mark, "").startswith("ARABIC")
    return "" if dropped else BOUNDARY


def _fold_punctuation(mark: str, options: NormalizeOptions) -> str:
    return cp.PUNCTUATION_VARIANTS.get(mark, mark) if options.punctuation == "keep" else BOUNDARY


def _fold_letter(letter: str, options: NormalizeOptions) -> str:
    if options.fold_variants:
        letter = cp.LETTER_VARIANTS.get(letter, letter)
    if letter in _FOLDED_ALEFS:
        return araby.ALEF if options.fold_alef else letter
    if letter in (araby.WAW_HAMZA, araby.YEH_HAMZA):
        return {araby.WAW_HAMZA: araby.WAW, araby.YEH_HAMZA: araby.YEH}[letter] if options.fold_hamza else letter
    if letter == araby.ALEF_MAKSURA:
        return araby.YEH if options.fold_yeh else letter
    if letter == araby.TEH_MARBUTA:
        return araby.HEH if options.fold_teh_marbuta else letter
    if letter in araby.LETTERS or letter in cp.LETTER_VARIANTS:
        return letter
    return _fold_latin(letter, options)


def _fold_latin(letter: str, options: NormalizeOptions) -> str:
    base = unicodedata.normalize("NFKD", letter)[0]
    if not (base.isascii() and base.isalnum()):
        return BOUNDARY
    return base.lower() if options.lowercase else base
