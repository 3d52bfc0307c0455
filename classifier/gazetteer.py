"""`Gazetteer`: Arabic names of places, peoples and institutions and the countries they stand for, as integer arrays.

A name is a sequence of words, a word is its letters packed into two integers (up to `MAX_LETTERS`), so that the
kernels of `classifier.places` compare integers and never strings. Where the names come from: docs/gazetteer.md.
"""

import lzma
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import NamedTuple, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from classifier.bits import has_bit, new_bits, set_bit
from classifier.errors import DataError, ModelFormatError
from classifier.ngrams import read_word
from classifier.symbols import SPACE, SYMBOL_BITS, symbol_table

__all__ = ["KINDS", "MAX_LETTERS", "MAX_WORDS", "Gazetteer", "Name", "Trie", "load_gazetteer", "parse_table"]

KINDS = (
    "state", "people", "capital", "city", "subdivision", "place", "institution", "media",
    "title", "club", "currency", "armed_group", "party", "person",
)  # fmt: skip
MAX_LETTERS = 18
MAX_WORDS = 12
_HALF = MAX_LETTERS // 2
_TOP_SHIFT = SYMBOL_BITS * (_HALF - 1)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_FILTER_BITS_AN_EDGE = 8
_SECOND_MULTIPLIER = np.uint64(0xC2B2AE3D27D4EB4F)
# Of a model folder: tables take up to 100 bytes an item, an article room for each country.
_MOST_ITEMS = 1 << 22
_MOST_COUNTRIES = 1000
_ARRAYS = {
    "alphabet": (np.uint32, 1),
    "country_codes": (np.uint8, 1),
    "words": (np.int64, 2),
    "name_words": (np.int32, 1),
    "name_ends": (np.int32, 1),
    "kinds": (np.uint8, 1),
    "name_countries": (np.int16, 1),
    "country_ends": (np.int32, 1),
    "weights": (np.float32, 1),
}


class Name(NamedTuple):
    """One entry of a gazetteer table.

    Attributes
    ----------
    name : str
        One to `MAX_WORDS` words of up to `MAX_LETTERS` letters, in any spelling that `normalize_text` folds.
    kind : str
        One of `KINDS`.
    countries : mapping of str to float
        Country codes with weights in 0..1: how likely the name, found in a news text, points to the country. A name of
        no country keeps shorter names inside it from being found.
    """

    name: str
    kind: str
    countries: Mapping[str, float]


class Trie(NamedTuple):
    """What the kernels look names up in.

    Attributes
    ----------
    edges : ndarray of shape (n_slots, 3), int64
        Open-addressing table: a word's two packed integers; the node it leaves and the node it leads to, packed. A
        first integer of 0 is a free slot.
    nodes : ndarray of shape (n_nodes, 2), int32
        The entry that ends at a node (-1 none), and how many edges leave it. Node 0 is the root.
    bits : ndarray of uint64
        A bit for each hash of an edge: small enough to stay in the cache of a core.
    kinds : ndarray of shape (n_entries,), uint8
    letters : tuple of 6 int
        Symbols of alef, lam, waw, feh, beh, kaf.
    """

    edges: NDArray[np.int64]
    nodes: NDArray[np.int32]
    bits: NDArray[np.uint64]
    kinds: NDArray[np.uint8]
    letters: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Gazetteer:
    """Names, their kinds and their weighted countries. Entry i is the i-th name of the table it was made from.

    Attributes
    ----------
    countries : tuple of str
        Country codes, ascending; country indices everywhere are positions in it.
    words : ndarray of shape (n_words, 2), int64
        Distinct packed words.
    name_words, name_ends : ndarrays of int32
        ``name_words[name_ends[i - 1]:name_ends[i]]`` are the numbers of the words of entry i.
    kinds : ndarray of shape (n_entries,), uint8
        Positions in `KINDS`.
    name_countries, weights : ndarrays of int16, float32
    country_ends : ndarray of shape (n_entries,), int32
        ``name_countries[country_ends[i - 1]:country_ends[i]]`` are the countries of entry i, likewise their weights.
    """

    countries: tuple[str, ...]
    words: NDArray[np.int64]
    name_words: NDArray[np.int32]
    name_ends: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    name_countries: NDArray[np.int16]
    country_ends: NDArray[np.int32]
    weights: NDArray[np.float32]

    @classmethod
    def from_table(cls, rows: Iterable[Name]) -> Self:
        """Compile a table.

        Parameters
        ----------
        rows : iterable of Name

        Returns
        -------
        Gazetteer

        Raises
        ------
        DataError
            If a name has no word, too many or too long ones or is there twice; if a kind is unknown; if a weight is
            outside 0..1.
        """
        rows = list(rows)
        _check_rows(rows)
        words, name_words, name_ends = _number_words([row.name for row in rows])
        countries = tuple(sorted({code for row in rows for code in row.countries}))
        index = {code: i for i, code in enumerate(countries)}
        kind_index = {kind: i for i, kind in enumerate(KINDS)}
        gazetteer = cls(
            countries=countries,
            words=words,
            name_words=name_words,
            name_ends=name_ends,
            kinds=np.array([kind_index[row.kind] for row in rows], dtype=np.uint8),
            name_countries=np.array([index[code] for row in rows for code in row.countries], dtype=np.int16),
            country_ends=np.cumsum([len(row.countries) for row in rows], dtype=np.int32),
            weights=np.array([weight for row in rows for weight in row.countries.values()], dtype=np.float32),
        )
        gazetteer._check_distinct()
        return gazetteer

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.kinds)

    @cached_property
    def trie(self) -> Trie:
        """The look-up tables, built at first use."""
        letters = tuple(symbol_table().alphabet.index(letter) + 1 for letter in "الوفبك")
        return Trie(*self._tables[:3], self.kinds, letters)

    def name_of(self, entry: int) -> str:
        """Return the normalized name of an entry.

        Examples
        --------
        >>> gazetteer = Gazetteer.from_table([Name("مدينة غزّة", "city", {"PS": 1.0})])
        >>> gazetteer.name_of(0)
        'مدينه غزه'
        """
        first = int(self.name_ends[entry - 1]) if entry else 0
        return " ".join(_unpack(*self.words[word]) for word in self.name_words[first : self.name_ends[entry]])

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what `from_arrays` needs, for a model folder.

        Returns
        -------
        dict of str to ndarray
            Copies of nothing: the arrays are the gazetteer's own.
        """
        arrays: dict[str, NDArray[np.generic]] = {
            "alphabet": np.array([*map(ord, symbol_table().alphabet)], dtype=np.uint32),
            "country_codes": np.frombuffer(" ".join(self.countries).encode(), dtype=np.uint8),
        }
        return arrays | {name: getattr(self, name) for name in _ARRAYS if name not in arrays}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """Make a gazetteer of the arrays of `to_arrays`, trusting none of them.

        Parameters
        ----------
        arrays : mapping of str to ndarray

        Returns
        -------
        Gazetteer

        Raises
        ------
        ModelFormatError
            If an array is missing, of another type or shape, or holds an index out of range.
        """
        _check_forms(arrays)
        alphabet = "".join(map(chr, np.minimum(arrays["alphabet"], 0x10FFFF)))
        _require(alphabet == symbol_table().alphabet, "was made for another alphabet")
        codes = tuple(arrays["country_codes"].tobytes().decode("ascii", "replace").split())
        # Copies, small as they are: kernels are compiled once for writable arrays, and once more for mapped ones.
        own = {name: np.array(arrays[name]) for name in _ARRAYS if name not in ("alphabet", "country_codes")}
        gazetteer = cls(codes, **own)
        gazetteer._check_indices()
        return gazetteer

    @cached_property
    def _tables(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint64], int]:
        """Edges, nodes and filter of the trie, and an entry whose name was there before (-1 none)."""
        edges = np.zeros((_n_slots(len(self.name_words)), 3), dtype=np.int64)
        nodes = np.zeros((len(self.name_words) + 1, 2), dtype=np.int32)
        nodes[:, 0] = -1
        bits = new_bits(_FILTER_BITS_AN_EDGE * len(self.name_words))
        n_nodes, repeated = grow_trie(self.words, self.name_words, self.name_ends, edges, nodes, bits)
        return edges, nodes[:n_nodes].copy(), bits, repeated

    def _check_distinct(self) -> None:
        repeated = self._tables[3]
        if repeated >= 0:
            raise DataError(f"gazetteer: {self.name_of(repeated)!r} is there twice")

    def _check_indices(self) -> None:
        n_entries, n_words = len(self.kinds), len(self.words)
        _require(self.words.shape[1] == 2 and bool((self.words[:, 0] > 0).all() and (self.words >= 0).all()), "words")
        symbols = self.words[:, :, None] >> np.arange(0, SYMBOL_BITS * _HALF, SYMBOL_BITS) & 0x7F
        _require(n_words == 0 or int(symbols.max()) <= len(symbol_table().alphabet), "words")
        ordered = self.words[np.lexsort(self.words.T)]
        _require(not (ordered[1:] == ordered[:-1]).all(axis=1).any(), "has a word twice")
        _check_range("kinds", self.kinds, len(KINDS))
        _check_range("name_words", self.name_words, n_words)
        _check_range("name_countries", self.name_countries, len(self.countries))
        _check_ends("name_ends", self.name_ends, n_entries, len(self.name_words), (1, MAX_WORDS))
        _check_ends("country_ends", self.country_ends, n_entries, len(self.weights), (0, len(self.countries)))
        _require(len(self.weights) == len(self.name_countries), "weights")
        _require(bool(((self.weights > 0) & (self.weights <= 1)).all()), "weights")
        _require(len(self.countries) <= _MOST_COUNTRIES, f"has more than {_MOST_COUNTRIES} countries")
        _require(
            len(set(self.countries)) == len(self.countries) and " ".join(self.countries).isascii(), "country_codes"
        )
        _require(self._tables[3] < 0, "has a name twice")


@cache
def load_gazetteer() -> Gazetteer:
    """Return the gazetteer of the package, read once a process.

    Returns
    -------
    Gazetteer
    """
    packed = files("classifier").joinpath("gazetteer.tsv.xz").read_bytes()
    return Gazetteer.from_table(parse_table(lzma.decompress(packed).decode()))


def parse_table(table: str) -> list[Name]:
    r"""Read a gazetteer table: a header, then name, kind and countries a line, separated by tabs.

    Parameters
    ----------
    table : str
        Countries are separated by spaces, each a code or ``code:weight``; ``-`` stands for none.

    Returns
    -------
    list of Name

    Raises
    ------
    DataError
        If a line has not three cells or a weight is no number; names the line.

    Examples
    --------
    >>> parse_table("name\tkind\tcountries\nطرابلس\tcity\tLY:0.6 LB:0.4\n")
    [Name(name='طرابلس', kind='city', countries={'LY': 0.6, 'LB': 0.4})]
    """
    read: dict[str, dict[str, float]] = {}
    rows = []
    for number, line in enumerate(table.splitlines()[1:], 2):
        try:
            name, kind, cell = line.split("\t")
            if cell not in read:
                read[cell] = _parse_countries(cell)
        except ValueError as error:
            raise DataError(f"gazetteer line {number}: name, kind, countries expected, got {line!r:.80}") from error
        rows.append(Name(name, kind, read[cell]))
    return rows


def _parse_countries(cell: str) -> dict[str, float]:
    if cell == "-":
        return {}
    parts = (part.partition(":") for part in cell.split(" "))
    return {code: float(weight) if colon else 1.0 for code, colon, weight in parts}


def _check_rows(rows: list[Name]) -> None:
    for row in rows:
        if row.kind not in KINDS:
            raise DataError(f"gazetteer: kind {row.kind!r} of {row.name!r} is not one of {', '.join(KINDS)}")
        if not all(0 < weight <= 1 for weight in row.countries.values()):
            raise DataError(f"gazetteer: weights of {row.name!r} must be in 0..1, got {dict(row.countries)}")


def _number_words(names: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Return the distinct words of `names`, the number of each word of each name, and where each name ends."""
    symbols, ends = symbol_table().encode(names)
    n_most = len(symbols) + len(names)
    keys, numbers = np.empty((n_most, 2), dtype=np.int64), np.empty(n_most, dtype=np.int32)
    table = np.zeros((_n_slots(int(np.count_nonzero(symbols == SPACE)) + len(names)), 3), dtype=np.int64)
    name_ends = np.empty(len(names), dtype=np.int32)
    n_words, bad = number_words(symbols, ends, table, keys, numbers, name_ends)
    if bad >= 0:
        limits = f"1 to {MAX_WORDS} words of at most {MAX_LETTERS} letters"
        raise DataError(f"gazetteer: a name must have {limits}, got {names[bad]!r:.80}")
    return keys[:n_words].copy(), numbers[: name_ends[-1] if names else 0].copy(), name_ends


def _n_slots(n: int) -> int:
    """Size of a table for `n` keys, at most half full."""
    return 1 << max(4, (2 * n).bit_length())


def _unpack(first: int, second: int) -> str:
    alphabet = symbol_table().alphabet
    shifts = [_TOP_SHIFT - SYMBOL_BITS * i for i in range(_HALF)]
    symbols = [(int(half) >> shift) & 0x7F for half in (first, second) for shift in shifts]
    return "".join(alphabet[s - 1] for s in symbols if s)


def _require(is_so: bool, what: str) -> None:
    if not is_so:
        raise ModelFormatError(f"gazetteer: {what}")


def _check_forms(arrays: Mapping[str, NDArray[np.generic]]) -> None:
    _require(set(arrays) == set(_ARRAYS), f"arrays must be {', '.join(_ARRAYS)}, got {', '.join(sorted(arrays))}")
    for name, (dtype, ndim) in _ARRAYS.items():
        array = arrays[name]
        _require(array.dtype == dtype and array.ndim == ndim, f"{name} has type {array.dtype} and {array.ndim} axes")
        _require(len(array) <= _MOST_ITEMS, f"{name} has {len(array)} items, more than {_MOST_ITEMS}")


def _check_range(name: str, indices: NDArray[np.integer], n: int) -> None:
    _require(len(indices) == 0 or (int(indices.min()) >= 0 and int(indices.max()) < n), f"{name} out of range")


def _check_ends(name: str, ends: NDArray[np.int32], n: int, total: int, limits: tuple[int, int]) -> None:
    """Each of the `n` parts must hold a number of things within `limits`, all of them `total`."""
    sizes = np.diff(ends.astype(np.int64), prepend=0)
    _require(len(ends) == n and (int(ends[-1]) if n else 0) == total, f"{name} does not fit")
    _require(bool(((sizes >= limits[0]) & (sizes <= limits[1])).all()), f"{name} out of range")


@njit(inline="always")
def _home(node, first, second, n):
    """Return which of `n` places is the first for an edge: the top of its hash, scaled."""
    code = np.uint64(first) * _MULTIPLIER ^ np.uint64(second) * _SECOND_MULTIPLIER
    code = (code ^ np.uint64(node)) * _MULTIPLIER
    return np.int64(((code >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@njit(inline="always")
def edge_slot(node, first, second, edges):
    """Return the slot of the edge that leaves `node` with a word, or the free one where it belongs."""
    mask = len(edges) - 1
    slot = _home(node, first, second, len(edges))
    while edges[slot, 0] != 0 and (edges[slot, 0] != first or edges[slot, 1] != second or edges[slot, 2] >> 32 != node):
        slot = (slot + 1) & mask
    return slot


@njit(inline="always")
def next_node(node, first, second, edges):
    """Return the node to which a word leads from `node`, 0 if to none."""
    return edges[edge_slot(node, first, second, edges), 2] & 0xFFFFFFFF


@njit(inline="always")
def may_lead(node, first, second, bits):
    """Tell whether a word may lead on from `node`: it does not, says a bit in cache of most words."""
    return has_bit(_home(node, first, second, 64 * len(bits)), bits)


@njit(cache=True, nogil=True)
def number_words(symbols, ends, table, keys, numbers, name_ends):
    """Fill in distinct words and their numbers; return how many, and the first name beyond the limits (-1 none)."""
    n_words = n_tokens = begin = 0
    for name in range(len(ends)):
        first_token = n_tokens
        while begin < ends[name]:
            stop, first, second = read_word(symbols, begin, ends[name])
            if stop - begin > MAX_LETTERS:
                return n_words, name
            slot = edge_slot(0, first, second, table)
            if table[slot, 0] == 0:
                table[slot, 0], table[slot, 1], table[slot, 2] = first, second, n_words
                keys[n_words, 0], keys[n_words, 1] = first, second
                n_words += 1
            numbers[n_tokens] = table[slot, 2]
            n_tokens += 1
            begin = stop + 1
        if n_tokens == first_token or n_tokens - first_token > MAX_WORDS:
            return n_words, name
        begin = ends[name]
        name_ends[name] = n_tokens
    return n_words, -1


@njit(cache=True, nogil=True)
def grow_trie(words, name_words, name_ends, edges, nodes, bits):
    """Fill edges, nodes and filter; return the number of nodes and an entry whose name is there twice (-1 none)."""
    n_nodes = 1
    repeated = -1
    token = 0
    for entry in range(len(name_ends)):
        node = np.int64(0)
        for i in range(token, name_ends[entry]):
            first, second = words[name_words[i]]
            set_bit(_home(node, first, second, 64 * len(bits)), bits)
            slot = edge_slot(node, first, second, edges)
            if edges[slot, 0] == 0:
                edges[slot, 0], edges[slot, 1], edges[slot, 2] = first, second, (node << 32) | n_nodes
                nodes[node, 1] += 1
                n_nodes += 1
            node = edges[slot, 2] & 0xFFFFFFFF
        token = name_ends[entry]
        if nodes[node, 0] >= 0:
            repeated = entry
        nodes[node, 0] = entry
    return n_nodes, repeated
