"""Counts of n-grams of a corpus of any size: those of its parts lie on disk in key order, and are merged there."""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifier.ngrams import NgramCounts

__all__ = ["CountsOnDisk"]

Column = NDArray[np.int64]

_COLUMNS = ("keys", "document_frequency", "term_frequency")
_MERGED_AT_ONCE = 16
_SAMPLED_EVERY = 1 << 14
_KEYS_IN_MEMORY = 1 << 21


class CountsOnDisk:
    """The sum of the counts of parts of a corpus, in memory that does not grow with the corpus.

    Parameters
    ----------
    folder : Path
        A new folder for them; whoever named it removes it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.n_documents = 0
        self._parts: defaultdict[int, list[Path]] = defaultdict(list)

    def add(self, counts: NgramCounts) -> None:
        """Add the counts of one more part."""
        self._keep([counts], level=0)
        self.n_documents += counts.n_documents

    def frequent(self, min_df: int) -> NgramCounts:
        """Return the sum of the n-grams that are in at least `min_df` documents of all parts."""
        parts = [part for level in self._parts.values() for part in level]
        kept = [_frequent(chunk, min_df) for chunk in _merge(parts)]
        keys, document_frequency, term_frequency = (np.concatenate([getattr(c, n) for c in kept]) for n in _COLUMNS)
        return NgramCounts(keys, document_frequency, term_frequency, self.n_documents)

    def _keep(self, chunks: Iterable[NgramCounts], level: int) -> None:
        """Write a part; once there are many of a level, merge them into one of the next."""
        part = Path(tempfile.mkdtemp(dir=self.folder))
        for chunk in chunks:
            for name in _COLUMNS:
                with (part / name).open("ab") as file:
                    getattr(chunk, name).tofile(file)
        self._parts[level].append(part)
        if len(self._parts[level]) == _MERGED_AT_ONCE:
            parts = self._parts.pop(level)
            self._keep(_merge(parts), level + 1)
            for old in parts:
                _remove(old)


def _merge(parts: Sequence[Path]) -> Iterator[NgramCounts]:
    """Yield the sum of parts in key order, a bounded number of keys at a time."""
    mapped = [_map(part) for part in parts]
    for low, high in _ranges([counts.keys for counts in mapped]):
        first, *rest = (_cut(counts, low, high) for counts in mapped)
        yield first.merge(*rest)


def _ranges(columns: Sequence[NDArray[np.int64]]) -> Iterator[tuple[int, int]]:
    """Yield ranges of keys, the end not included, that have about `_KEYS_IN_MEMORY` in all columns together."""
    sample = np.sort(np.concatenate([keys[::_SAMPLED_EVERY] for keys in columns]))
    inner = sample[:: _KEYS_IN_MEMORY // _SAMPLED_EVERY][1:]
    bounds = [0, *np.unique(inner).tolist(), np.iinfo(np.int64).max]
    yield from pairwise(bounds)


def _cut(counts: NgramCounts, low: int, high: int) -> NgramCounts:
    begin, end = np.searchsorted(counts.keys, [low, high])
    return _each(counts, lambda column: np.array(column[begin:end]))


def _frequent(counts: NgramCounts, min_df: int) -> NgramCounts:
    kept = counts.document_frequency >= min_df
    return _each(counts, lambda column: column[kept])


def _each(counts: NgramCounts, function: Callable[[Column], Column]) -> NgramCounts:
    columns = (counts.keys, counts.document_frequency, counts.term_frequency)
    keys, document_frequency, term_frequency = map(function, columns)
    return NgramCounts(keys, document_frequency, term_frequency, 0)


def _map(part: Path) -> NgramCounts:
    keys, document_frequency, term_frequency = (_map_column(part / name) for name in _COLUMNS)
    return NgramCounts(keys, document_frequency, term_frequency, 0)


def _map_column(path: Path) -> Column:
    return np.memmap(path, np.int64, "r") if path.stat().st_size else np.zeros(0, dtype=np.int64)


def _remove(part: Path) -> None:
    for file in part.iterdir():
        file.unlink()
    part.rmdir()
