"""A page's stories: where one ends and another begins, by vocabulary and by how paragraphs open.

After TextTiling (Hearst, "TextTiling: Segmenting Text into Multi-paragraph Subtopic Passages", Computational
Linguistics 23, 1997), with what Arabic news adds: a paragraph that goes on with a story begins with "and". A split
needs strong evidence, as most pages are one story. Measurements: docs/explanations.md.
"""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from classifier import blocks as blocks_
from classifier import ngrams
from classifier.article import Article
from classifier.blocks import Block
from classifier.explain import joined_text, origin_of
from classifier.normalize import normalize_text
from classifier.prediction import Prediction
from classifier.scorer import Scorer

__all__ = ["Passage", "passages", "stories"]

NEAR, FAR = 120, 240  # words on each side of a gap whose vocabulary is compared
SHORTEST = 25  # words of a story
LONGEST_HEADING = 15  # words
_OPENING = 20  # words of a paragraph in which a day is looked for
_SENTENCE_ENDS = (".", "!", "?", "؟", "؛", "…", ":", "،")
_CLOSERS = " »\")”'"
_AND = "و"
_DAYS = frozenset(normalize_text("أمس الأحد الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت").split())
_CONNECTIVES = frozenset(
    normalize_text(
        "كما فيما بينما يذكر يشار من إلى في على لكن إلا غير أما بدوره بدورها بدورهم كذلك أيضا ثم حيث يأتي تأتي جاء فقد "
        "هذا هذه ذلك تلك بحسب وفق عقب بعد قبل"
    ).split()
)

GAP_FEATURES = ("near", "far", "dip", "and", "connective", "day", "before", "rest")
"""Of the gap before a paragraph: cosines of the TF-IDF of `NEAR` and `FAR` words on both sides; how far the first is
below those of the neighbouring gaps; whether the paragraph begins with "and" or another connective, and names a day
early on; the logarithms of the numbers of words before and after, up to `FAR`."""
WEIGHTS = np.array([-14.37, -13.43, 22.91, -4.68, -2.28, 1.89, 0.49, 0.97])
BIAS = -3.12
"""A logistic regression, fitted by `benchmarks/passages.py --fit` on pages of which half hold several stories."""
CAUTION = 1.0
"""A story begins where the score is above this and not above 0: fewer of the pages that people have hold several."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Passage:
    """A story of a page and its labels.

    Attributes
    ----------
    start, end : int
        Of its first and its last line in the string that was given; furniture between the lines is within.
    prediction : Prediction
    """

    start: int
    end: int
    prediction: Prediction


class Unit(NamedTuple):
    """A paragraph and the headings above it: ``text[start:paragraph]`` holds those, ``text[paragraph:end]`` the rest."""

    start: int
    paragraph: int
    end: int


def passages(scorer: Scorer, article: Article) -> list[Passage]:
    """Split an article into its stories and label each.

    Parameters
    ----------
    scorer : Scorer
    article : Article

    Returns
    -------
    list of Passage
        In the order of the page; one for an article without a change of story.
    """
    text = joined_text(article)
    _, origin = origin_of(article)
    found = stories(text, scorer.blocks)
    articles = [_story(text, unit, article) for unit in found]
    if len(found) < 2:  # Labelled as `predict` does it, whatever its lines look like.
        found, articles = [Unit(0, 0, len(text))], [article]
    predictions = scorer.predict(articles)
    return [Passage(*_extent(text, unit, origin), p) for unit, p in zip(found, predictions, strict=True)]


def stories(text: str, blocks: Sequence[Block]) -> list[Unit]:
    """Find the stories of a text of lines.

    Parameters
    ----------
    text : str
    blocks : sequence of Block
        Of a model: the vocabulary of the largest is the one that is compared.

    Returns
    -------
    list of Unit
        Each from its headings to the end of its last paragraph; empty for a text without words.
    """
    units = paragraphs(text)
    starts = [0, *_story_starts(text, units, blocks), len(units)] if units else []
    return [Unit(units[a].start, units[a].paragraph, units[b - 1].end) for a, b in pairwise(starts)]


def paragraphs(text: str) -> list[Unit]:
    """Split a text into paragraphs with the headings above them: short lines that end no sentence."""
    units: list[Unit] = []
    start: int | None = None
    end = 0
    for line in text.splitlines(keepends=True):
        first = end + len(line) - len(line.lstrip())
        end += len(line)
        if line.strip():
            start = first if start is None else start
            if not _is_heading(line.strip()):
                units.append(Unit(start, first, first + len(line.strip())))
                start = None
    if start is None:
        return units
    # Nothing follows the last headings: they end the paragraph before them.
    last = units.pop() if units else Unit(start, start, start)
    return [*units, last._replace(end=len(text.rstrip()))]


def _is_heading(line: str) -> bool:
    return len(line.split()) <= LONGEST_HEADING and not line.rstrip(_CLOSERS).endswith(_SENTENCE_ENDS)


def _story_starts(text: str, units: Sequence[Unit], blocks: Sequence[Block]) -> list[int]:
    """Return the numbers of the units, but the first, that begin a story: the surest first, none too near another."""
    before = _words_before(text, units)
    if before[-1] < 2 * SHORTEST or len(units) < 2:
        return []
    scores = gap_features(text, units, blocks) @ WEIGHTS + BIAS
    starts = [0, len(units)]
    candidates = np.flatnonzero(scores > CAUTION)
    for gap in candidates[np.argsort(-scores[candidates], kind="stable")]:
        unit = int(gap) + 1
        place = bisect(starts, unit)
        if min(before[unit] - before[starts[place - 1]], before[starts[place]] - before[unit]) >= SHORTEST:
            starts.insert(place, unit)
    return starts[1:-1]


def _words_before(text: str, units: Sequence[Unit]) -> NDArray[np.int64]:
    """Return how many words stand before each unit, headings apart, and how many there are."""
    return np.cumsum([0, *(len(text[u.paragraph : u.end].split()) for u in units)])


def gap_features(text: str, units: Sequence[Unit], blocks: Sequence[Block]) -> Values:
    """Describe the gaps between units: ndarray of shape (n_units - 1, n_features), as `GAP_FEATURES` says."""
    words = [word for u in units for word in text[u.paragraph : u.end].split()]
    gaps = _words_before(text, units)[1:-1]
    near, far = _similarities(words, gaps, blocks)
    openings = [normalize_text(text[u.paragraph : u.end]).split()[:_OPENING] or [""] for u in units[1:]]
    joins = [opening[0].startswith(_AND) for opening in openings]
    connects = [opening[0] in _CONNECTIVES for opening in openings]
    days = [not _DAYS.isdisjoint(opening) for opening in openings]
    before, rest = (np.log(np.minimum(n, FAR) + 1) for n in (gaps, len(words) - gaps))
    return np.column_stack([near, far, _dips(near), joins, connects, days, before, rest]).astype(np.float64)


def _similarities(words: Sequence[str], gaps: NDArray[np.int64], blocks: Sequence[Block]) -> tuple[Values, Values]:
    """Return the cosines of the words on both sides of each gap, for each of the two sizes."""
    windows = [" ".join(words[max(gap - n, 0) : gap]) for n in (NEAR, FAR) for gap in gaps]
    windows += [" ".join(words[gap : gap + n]) for n in (NEAR, FAR) for gap in gaps]
    rows = _rows(windows, max(blocks, key=lambda block: (block.config.analyzer == "char_wb", len(block.keys))))
    n = len(windows) // 2
    cosines = np.asarray(rows[:n].multiply(rows[n:]).sum(axis=1)).ravel()
    return cosines[: len(gaps)], cosines[len(gaps) :]


def _rows(texts: Sequence[str], block: Block) -> csr_matrix:
    """Return the TF-IDF rows of texts, of unit length."""
    encoded = blocks_.encode([Article(text) for text in texts], as_written=block.config.as_written)
    vocabulary = ngrams.build_vocabulary(block.keys)
    writer = ngrams.RowWriter(block.config.ngram_range, vocabulary, block.weighting(), len(encoded.symbols))
    writer.add(encoded.symbols, encoded.page)
    return csr_matrix(writer.csr(), shape=(len(texts), len(block.keys)))


def _dips(values: Values) -> Values:
    """Return how far each value is below the mean of its neighbours."""
    if len(values) < 2:
        return np.zeros(len(values))
    inner = (values[:-2] + values[2:]) / 2
    return np.concatenate([values[1:2], inner, values[-2:-1]]) - values


def _story(text: str, unit: Unit, article: Article) -> Article:
    """Make an article of a story: its first heading is its headline."""
    headings, body = text[unit.start : unit.paragraph].splitlines(), text[unit.paragraph : unit.end]
    title, rest = (headings[0], headings[1:]) if headings else ("", [])
    return Article("\n".join([*rest, body]).strip(), title.strip(), article.id, article.home)


def _extent(text: str, unit: Unit, origin: NDArray[np.int64]) -> tuple[int, int]:
    """Return where a story stands in the page that was given."""
    piece = text[unit.start : unit.end]
    if not piece.strip():
        return 0, 0
    first = unit.start + len(piece) - len(piece.lstrip())
    return int(origin[first]), int(origin[unit.start + len(piece.rstrip()) - 1]) + 1
