"""Words that speak for topics, known before any article is read: `lexicon.tsv` as features.

A reader of Arabic said of each word and pair of words, without any article, how surely it speaks for which topic. What
training articles never hold is known from there, and what they hold seldom is known better.
"""

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifier import ngrams, stems
from classifier.labels import TOPICS
from classifier.symbols import symbol_table

__all__ = ["Lexicon", "count_entries", "load_lexicon"]

_STRONGEST = 3


class Lexicon(NamedTuple):
    """Entries as blocks of stems read them.

    Attributes
    ----------
    keys : ndarray of shape (n_entries,), int64, ascending
        Stems, and pairs of neighbours.
    strengths : ndarray of shape (n_entries, 12), float32
        0..1, how surely an entry speaks for each topic, in the order of `classifier.labels.TOPICS`.
    """

    keys: NDArray[np.int64]
    strengths: NDArray[np.float32]


@lru_cache(maxsize=1)
def load_lexicon() -> Lexicon:
    """Read the lexicon of the package, once a process; of forms with one stem the strongest says."""
    entries, strengths = zip(*_rows(), strict=True)
    keys = _keys(entries)
    known, row = np.unique(keys, return_inverse=True)
    table = np.zeros((len(known), len(TOPICS)), dtype=np.float32)
    np.maximum.at(table, row, np.array(strengths, dtype=np.float32) / _STRONGEST)
    return Lexicon(known[known > 0], table[known > 0])


def count_entries(counts: ngrams.NgramCounts) -> ngrams.NgramCounts:
    """Return the counts of the lexicon's entries alone."""
    kept = np.isin(counts.keys, load_lexicon().keys)
    keys, document_frequency, term_frequency = (column[kept] for column in counts[:3])
    return ngrams.NgramCounts(keys, document_frequency, term_frequency, counts.n_documents)


def _rows() -> Iterator[tuple[str, list[int]]]:
    """Yield each entry as it is written, and its strength a topic, 0 to 3."""
    table = files("classifier").joinpath("lexicon.tsv").read_text(encoding="utf-8")
    for line in table.splitlines()[1:]:
        entry, topics = line.split("\t")
        strength = dict(topic.split(":") for topic in topics.split())
        yield entry, [int(strength.get(topic, 0)) for topic in TOPICS]


def _keys(entries: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the feature of each entry: a stem or a pair; 0 for what is neither."""
    symbols, ends = symbol_table().encode(entries)
    begins = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1]])
    tokens = stems.read_tokens(symbols, np.column_stack([begins, ends]))
    keys = np.zeros(len(entries), dtype=np.int64)
    for n in (1, 2):
        found, _, owner = stems.features_of(tokens.token, tokens.ends, n, n)
        rows = np.flatnonzero(np.diff(tokens.ends, prepend=0) == n)
        keys[rows] = found[np.isin(owner, rows)]
    return keys
