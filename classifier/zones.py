"""Articles as symbols, and the spans of their zones: title, lead, page, text."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from classifier.article import Article
from classifier.symbols import SPACE, SymbolTable

__all__ = ["EncodedArticles", "encode_articles", "zone_spans"]

Spans = NDArray[np.int64]

_BATCH_ARTICLES = 512
"""Code points, four bytes each, of so many articles at a time."""


class EncodedArticles(NamedTuple):
    """Normalized articles.

    Attributes
    ----------
    symbols : ndarray of uint8
    title, page, text : ndarrays of shape (n_articles, 2), int64
        Spans: the headline; headline and text with a space between; the text within the page. Headlines stand twice,
        so that a page is one run of symbols.
    """

    symbols: NDArray[np.uint8]
    title: Spans
    page: Spans
    text: Spans


def encode_articles(articles: Sequence[Article], table: SymbolTable) -> EncodedArticles:
    """Normalize articles and lay them out."""
    batches = [articles[i : i + _BATCH_ARTICLES] for i in range(0, max(1, len(articles)), _BATCH_ARTICLES)]
    parts = [table.encode(_parts(batch)) for batch in batches]
    symbols = np.concatenate([part for part, _ in parts]) if len(parts) > 1 else parts[0][0]
    offsets = np.cumsum([0, *(len(part) for part, _ in parts)])
    ends = np.concatenate([part + offset for (_, part), offset in zip(parts, offsets[:-1], strict=True)])
    begins = np.concatenate([np.zeros(1, dtype=np.int64), ends])[: len(ends)]
    title = np.column_stack([begins[0::2], ends[0::2]])
    page = np.column_stack([begins[1::2], ends[1::2]])
    title_length = title[:, 1] - title[:, 0]
    text_begin = np.minimum(page[:, 0] + title_length + (title_length > 0), page[:, 1])
    return EncodedArticles(symbols, title, page, np.column_stack([text_begin, page[:, 1]]))


def _parts(articles: Sequence[Article]) -> list[str]:
    return [part for a in articles for part in (a.title, f"{a.title}\n{a.text}" if a.title else a.text)]


def zone_spans(encoded: EncodedArticles, zone: str, lead_characters: int, untitled_characters: int) -> Spans:
    """Return the spans of a zone, cut at a word's end.

    Parameters
    ----------
    encoded : EncodedArticles
    zone : {"title", "lead", "page"}
    lead_characters, untitled_characters : int
        Longest lead; what stands in for a missing headline.

    Returns
    -------
    ndarray of shape (n_articles, 2), int64
    """
    if zone == "page":
        return encoded.page
    untitled = encoded.title[:, 0] == encoded.title[:, 1]
    if zone == "title":
        start = cut_spans(encoded.symbols, encoded.text, np.int64(untitled_characters))
        return np.where(untitled[:, None], start, encoded.title)
    lead = cut_spans(encoded.symbols, encoded.text, np.int64(lead_characters))
    return np.column_stack([encoded.page[:, 0], lead[:, 1]])


@njit(cache=True, nogil=True)
def cut_spans(symbols, spans, longest):
    """Cut spans to at most `longest` symbols, never inside a word unless it is longer than that itself."""
    cut = spans.copy()
    for i in range(len(spans)):
        begin, end = spans[i]
        if end - begin > longest:
            stop = begin + longest
            while stop > begin and symbols[stop] != SPACE:
                stop -= 1
            cut[i, 1] = stop if stop > begin else begin + longest
    return cut
