"""Why a label: what each piece of an article, as it was given, adds to the label's score.

Scores are linear in the features, so nothing is estimated: the spans and the intercept sum to the score. How a
feature's part is spread over the words that it comes from, and how to read the page: docs/explanations.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifier import ngrams, stems
from classifier.article import Article, Spans
from classifier.blocks import Block, Reading
from classifier.errors import ClassifierError, UnknownLabelError
from classifier.gazetteer import KINDS, Gazetteer
from classifier.labels import name_of, regions_of
from classifier.normalize import BOUNDARY, normalize_text, normalize_with_offsets
from classifier.scorer import NONE, SOURCE_TASK, PlaceHead, Scorer, Task
from classifier.symbols import SPACE, written_table
from classifier.zones import EncodedArticles

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = ["Explanation", "PlaceMention", "Span", "explain", "render_html", "render_text"]

WORDS, PLACE = "words", "place"
N_ALTERNATIVES = 4
_ZONE_WEIGHTS = np.array([4.0, 2.0, 1.0, 1.0])  # of a mention in the title, the lead, the body, a dateline
_MOST_LISTED = 6
_MOST_NAMED = 30
_FAINT = 0.15  # of the strongest span's part: fainter ones are not marked
_KINDS_AR = {
    "state": "دولة", "people": "شعب أو نسبة", "capital": "عاصمة", "city": "مدينة", "subdivision": "محافظة أو إقليم",
    "place": "مكان", "institution": "مؤسسة", "media": "وسيلة إعلام", "title": "منصب", "club": "ناد", "currency": "عملة",
    "armed_group": "جماعة مسلحة", "party": "حزب", "person": "شخص",
}  # fmt: skip
_TASKS_AR = {"topic": "الموضوع", "country": "البلد", "region": "المنطقة"}

Values = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
    """A phrase and its part of a label's score.

    Attributes
    ----------
    start, end : int
        ``text[start:end]`` of the explanation.
    label : str
        The label whose score it is a part of.
    contribution : float
        Unbounded; below 0 it speaks against the label.
    reason : {"words", "place"}
        By its n-grams alone, or also as the name of a place of this country.
    """

    start: int
    end: int
    label: str
    contribution: float
    reason: str


@dataclass(frozen=True, slots=True)
class PlaceMention:
    """A name of the gazetteer that the article holds, whatever country it speaks for.

    Attributes
    ----------
    start, end : int
        ``text[start:end]`` of the explanation, a clitic before the name included.
    name : str
        As the gazetteer has it, normalized.
    kind : str
        One of `classifier.gazetteer.KINDS`.
    countries : tuple of (str, float)
        Country codes with weights in 0..1: how likely the name means the country; the most likely first.
    contribution : float
        Its part of the label's score as a place; 0 if it names other countries.
    """

    start: int
    end: int
    name: str
    kind: str
    countries: tuple[tuple[str, float], ...]
    contribution: float


@dataclass(frozen=True)
class Explanation:
    """What made the score of one label of an article: ``intercept`` and the spans' contributions sum to ``score``.

    Attributes
    ----------
    text : str
        The page as it was given (of HTML the text that was extracted); of an `Article` that was not made of a page,
        headline and text with a line break between.
    task, label : str
    score : float
        Raw decision value, unbounded.
    probability : float
        Calibrated, 0..1: that `Predictor.predict` gives it; of a label that is not stated, that it holds.
    is_stated : bool
        Whether `Predictor.predict` states the label.
    intercept : float
        What no piece of the text can be given credit for: the heads' intercepts, a country's not being named.
    spans : tuple of Span
        In the order of the text, none empty, no two overlapping.
    places : tuple of PlaceMention
        For tasks with place mentions; in the order of the text.
    dropped : tuple of (int, int)
        Lines of page furniture, which were not read.
    alternatives : tuple of Explanation
        Of the other labels ranked highest, of countries those that are stated or named; they have no alternatives
        themselves.
    """

    text: str
    task: str
    label: str
    score: float
    probability: float
    is_stated: bool
    intercept: float
    spans: tuple[Span, ...]
    places: tuple[PlaceMention, ...] = ()
    dropped: tuple[tuple[int, int], ...] = ()
    alternatives: tuple["Explanation", ...] = field(default=(), repr=False)

    @cached_property
    def evidence(self) -> tuple[Span, ...]:
        """The spans that speak for the label, the strongest first."""
        return tuple(sorted((s for s in self.spans if s.contribution > 0), key=lambda s: -s.contribution))

    @cached_property
    def against(self) -> tuple[Span, ...]:
        """The spans that speak against the label, the strongest first."""
        return tuple(sorted((s for s in self.spans if s.contribution < 0), key=lambda s: s.contribution))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON; alternatives don't repeat what they share."""
        record = asdict(self)
        for alternative in record["alternatives"]:
            for shared in ("text", "task", "dropped", "alternatives"):
                del alternative[shared]
        return record

    def to_html(self) -> str:
        """Return one self-contained right-to-left page, with a switch between the label and its alternatives.

        Raises
        ------
        ClassifierError
            If jinja2 is missing.
        """
        return render_html([self])

    def to_markup(self) -> "Markup":
        """Return the marked text alone, escaped, for a template of the caller's.

        Raises
        ------
        ClassifierError
            If jinja2 is missing.
        """
        from markupsafe import Markup

        module: Any = _environment().get_template("explanation.html.j2").module
        return Markup(module.marked(pieces(self)))  # the template has escaped it

    def to_text(self, *, width: int = 80, color: bool = False) -> str:
        """Return the terminal view; with `color`, with the escape codes of a terminal."""
        from rich.console import Console

        file = StringIO()
        render_text(self, Console(file=file, width=width, force_terminal=color, no_color=not color))
        return file.getvalue()


def explain(scorer: Scorer, article: Article, task: str, label: str | None = None) -> Explanation:
    """Explain the score of a label of an article.

    Parameters
    ----------
    scorer : Scorer
    article : Article
    task : str
        One of the model's tasks, or a derived one: a region is explained by its best country.
    label : str or None
        None for the primary label, or the highest score if none is stated.

    Returns
    -------
    Explanation

    Raises
    ------
    UnknownLabelError
        If the model has no such task or label.
    """
    source = scorer.tasks.get(SOURCE_TASK if task in scorer.derived_tasks else task)
    if source is None:
        raise UnknownLabelError(
            f"task must be one of {', '.join([*scorer.tasks, *scorer.derived_tasks])}, got {task!r}"
        )
    scores = scorer.decision_function([article], source.name)
    columns = _columns(source, scores[0], is_derived=task != source.name)
    chances = source.calibration.holds(scores)[0]
    stated = {x.code: x.probability for x in scorer.predict([article])[0][task]}
    ranked = [*stated, *sorted(columns.keys() - stated.keys(), key=lambda code: (-scores[0, columns[code]], code))]
    first = ranked[0] if label is None else _known(label, ranked)
    reading = _Reading(scorer, article, source)
    others = [code for code in ranked if code != first and (code in stated or reading.has_evidence(columns[code]))]
    shown = [first, *others[:N_ALTERNATIVES]]
    explanations = [
        reading.explanation(
            task, code, k, float(scores[0, k]), stated.get(code, float(chances[k])), is_stated=code in stated
        )
        for code, k in ((code, columns[code]) for code in shown)
    ]
    return replace(explanations[0], alternatives=tuple(explanations[1:]))


def _columns(task: Task, scores: NDArray[np.float32], *, is_derived: bool) -> dict[str, int]:
    """Return the column of the score of each label; of a region, of its best country."""
    if not is_derived:
        return {label: k for k, label in enumerate(task.labels)}
    best_last = sorted(range(len(task.labels)), key=lambda k: scores[k])
    return {region: k for k in best_last for region in regions_of([task.labels[k]])}


def _known(label: str, labels: Sequence[str]) -> str:
    if label not in labels:
        near = get_close_matches(label, labels, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        allowed = ", ".join(sorted(labels)) if len(labels) <= _MOST_NAMED else f"the task's {len(labels)} labels"
        raise UnknownLabelError(f"label must be one of {allowed}, got {label!r}{hint}")
    return label


class _Words(NamedTuple):
    """The words of an article, headline before text.

    Attributes
    ----------
    start, stop : ndarrays of shape (n_words,)
        ``text[start:stop]`` of the explanation. Words that one character stands for have the same.
    written : ndarray of shape (n_words,)
        Words with the same number have n-grams in common where the page is read as it is written.
    known : dict of bool to tuple of two ndarrays
        Normalized, and as written under True: where words begin among the symbols of the page, and which they are.
    """

    start: Indices
    stop: Indices
    written: Indices
    known: Mapping[bool, tuple[Indices, Indices]]


class _Reading:
    """An article as a task reads it: its words, what they add to the score of each head, the places that it names.

    A unit is what can't be told apart: the words of one mention, or those that one character stands for.
    """

    def __init__(self, scorer: Scorer, article: Article, task: Task) -> None:
        self.task = task
        reading = scorer.read([article])
        self.text, origin = origin_of(article)
        self.dropped = _dropped(self.text, origin)
        self.words = _words(joined_text(article), origin, as_written=True in reading.encoded)
        self.heads = _head_values(scorer, task, reading, self.words)
        self.intercepts = scorer.intercepts[task.columns].astype(np.float64)
        self.mentions = _Mentions(scorer, article, task, reading, self.words)
        self.units = _units(self.words, self.mentions.of_word)

    def explanation(
        self, task: str, label: str, column: int, score: float, probability: float, *, is_stated: bool
    ) -> Explanation:
        """Explain the score of one column; `task` and `label` are those that were asked for."""
        code = self.task.labels[column]
        values, intercept = self._ngram_part(code)
        credit, rest = self.mentions.credit(code)
        spans = tuple(self._spans(values, credit, label))
        places = tuple(self.mentions.described(credit))
        intercept += rest
        return Explanation(
            self.text, task, label, score, probability, is_stated, intercept, spans, places, self.dropped
        )

    def has_evidence(self, column: int) -> bool:
        """Tell whether a label is worth showing: countries that the text doesn't name are all alike."""
        code = self.task.labels[column]
        return self.task.place is None or code in self.mentions.gains

    def _ngram_part(self, code: str) -> tuple[Values, float]:
        """Return what each word adds to the score of a label by its n-grams, and what is the same for every text."""
        place, heads = self.task.place, self.task.heads
        if place is None:
            return self.heads[:, heads.index(code)], float(self.intercepts[heads.index(code)])
        weights = np.array([_head_weight(head, code, place) for head in heads])
        constant = place.intercept + place.unmentioned + (0.0 if code in heads else place.headless)
        return self.heads @ weights, float(self.intercepts @ weights) + constant

    def _spans(self, values: Values, credit: Values, label: str) -> Iterator[Span]:
        """Merge units to phrases: neighbours of one sign with nothing but a space between; mentions stay alone."""
        n_units = int(self.units[-1]) + 1 if len(self.units) else 0
        of_mention = self.units[self.mentions.first_word]
        contributions = np.bincount(self.units, values, n_units) + np.bincount(of_mention, credit, n_units)
        is_place = np.bincount(of_mention, credit != 0, n_units) > 0
        first, last = _bounds(self.units, n_units)
        span: Span | None = None
        for unit in np.flatnonzero(contributions):
            start, stop = int(self.words.start[first[unit]]), int(self.words.stop[first[unit] : last[unit] + 1].max())
            new = Span(start, stop, label, float(contributions[unit]), PLACE if is_place[unit] else WORDS)
            if span is not None and _may_join(span, new, self.text):
                span = replace(span, end=new.end, contribution=span.contribution + new.contribution)
                continue
            if span is not None:
                yield span
            span = new
        if span is not None:
            yield span


class _Mentions:
    """The places that an article names, and what that adds to the score of each country.

    Parameters
    ----------
    scorer, article, task, reading, words
        Of the article; a task without place weights has no mentions.

    Attributes
    ----------
    first_word, stop_word : ndarrays of shape (n_mentions,)
        The words of each mention.
    of_word : ndarray of shape (n_words,)
        The mention that each word belongs to; -1 none.
    """

    def __init__(self, scorer: Scorer, article: Article, task: Task, reading: Reading, words: _Words) -> None:
        self.words = words
        self.gains: dict[str, float] = {}
        self.entries: list[int] = []
        self.zones = self.first_word = self.stop_word = np.zeros(0, dtype=np.int64)
        self.of_word = np.full(len(words.start), -1, dtype=np.int64)
        if task.place is not None and scorer.gazetteer is not None:
            self._find(scorer, article, task.place, scorer.gazetteer, reading)

    def _find(self, scorer: Scorer, article: Article, place: PlaceHead, gazetteer: Gazetteer, reading: Reading) -> None:
        self.gazetteer = gazetteer
        found, encoded = reading.mentions, reading.encoded[False]
        assert found is not None
        pairs = scorer.place_pairs(reading, [article])
        gains = pairs.features.astype(np.float64) @ place.weights - place.unmentioned
        self.gains = {gazetteer.countries[c]: float(gain) for c, gain in zip(pairs.country, gains, strict=True)}
        self.entries, self.zones = found.entry.tolist(), found.zone.astype(np.int64)
        self.first_word = _word_at(self.words.known[False], encoded, found.begin)
        self.stop_word = _word_at(self.words.known[False], encoded, found.end - 1) + 1
        for i, (first, stop) in enumerate(zip(self.first_word, self.stop_word, strict=True)):
            self.of_word[first:stop] = i

    def credit(self, code: str) -> tuple[Values, float]:
        """Spread what being named adds to a country's score over the mentions that may mean it, by their weight.

        Returns
        -------
        credit : ndarray of shape (n_mentions,)
        rest : float
            What no mention can be given credit for: the hint of the outlet's home.
        """
        weights = np.array([dict(self.countries(i)).get(code, 0.0) for i in range(len(self.entries))])
        weights *= _ZONE_WEIGHTS[self.zones]
        gain = self.gains.get(code, 0.0)
        total = weights.sum()
        return (weights * (gain / total), 0.0) if total > 0 else (weights, gain)

    def countries(self, i: int) -> tuple[tuple[str, float], ...]:
        """Return the countries that mention i may mean, the most likely first."""
        g, entry = self.gazetteer, self.entries[i]
        slice_ = slice(int(g.country_ends[entry - 1]) if entry else 0, int(g.country_ends[entry]))
        named = [(g.countries[c], float(w)) for c, w in zip(g.name_countries[slice_], g.weights[slice_], strict=True)]
        return tuple(sorted(named, key=lambda pair: -pair[1]))

    def described(self, credit: Values) -> Iterator[PlaceMention]:
        """Describe each mention, with its credit."""
        for i, entry in enumerate(self.entries):
            first, last = int(self.first_word[i]), int(self.stop_word[i]) - 1
            kind = KINDS[self.gazetteer.kinds[entry]]
            extent = int(self.words.start[first]), int(self.words.stop[last])
            yield PlaceMention(*extent, self.gazetteer.name_of(entry), kind, self.countries(i), float(credit[i]))


def joined_text(article: Article) -> str:
    """Return headline and text as `encode_articles` joins them."""
    return f"{article.title}\n{article.text}" if article.title else article.text


def origin_of(article: Article) -> tuple[str, Indices]:
    """Return the string that was given, and where in it each character of the joined article stands."""
    joined = joined_text(article)
    separator = np.full(1 if article.title else 0, -1, dtype=np.int64)
    origin = np.concatenate([_positions(article.title_spans), separator, _positions(article.text_spans)])
    # An article may have got another text since it was taken from its page.
    if article.source is None or len(origin) != len(joined):
        return joined, np.arange(len(joined))
    return article.source, origin


def _positions(spans: Spans) -> Indices:
    ranges = [np.arange(in_page, in_page + length) for _, in_page, length in spans]
    return np.concatenate([np.zeros(0, dtype=np.int64), *ranges])


def _dropped(text: str, origin: Indices) -> tuple[tuple[int, int], ...]:
    """Return the lines that the article was taken without."""
    is_read = np.zeros(len(text), dtype=np.bool_)
    is_read[origin[origin >= 0]] = True
    lines, end = [], 0
    for line in text.splitlines(keepends=True):
        start = end + len(line) - len(line.lstrip())
        end += len(line)
        if line.strip() and not is_read[start]:
            lines.append((start, start + len(line.strip())))
    return tuple(lines)


def _words(joined: str, origin: Indices, *, as_written: bool) -> _Words:
    """Find the words of a page: the normalized ones; if it is read as written what is apart, too, a dash say."""
    first, start, stop = _normalized_words(joined)
    first_written, start_written, stop_written = _written_words(joined if as_written else "")
    # Of each normalized word the written one that it is in, if there is one: a character may stand for words alone.
    inside = np.searchsorted(start_written, start, side="right") - 1
    is_inside = inside >= 0
    is_inside[is_inside] = start[is_inside] < stop_written[inside[is_inside]]
    apart = np.setdiff1d(np.arange(len(start_written)), inside[is_inside])
    written = np.concatenate([np.where(is_inside, inside, -1 - np.arange(len(start))), apart])
    start, stop = np.concatenate([start, start_written[apart]]), np.concatenate([stop, stop_written[apart]])
    order = np.argsort(start, kind="stable")
    number = np.argsort(order, kind="stable")
    start, stop = start[order], np.maximum.accumulate(stop[order])
    is_written, which = np.unique(written[order], return_index=True)
    known = {False: (first, number[: len(first)]), True: (first_written, which[is_written >= 0])}
    return _Words(origin[start], origin[stop - 1] + 1, written[order], known)


def _normalized_words(joined: str) -> tuple[Indices, Indices, Indices]:
    """Return where each normalized word begins among the symbols, and where it starts and stops in the text."""
    # The word behind says where the last word ends, punctuation apart.
    normalized, offsets = normalize_with_offsets(f"{joined}\nx")
    first, last = (ends[:-1] for ends in _runs(np.array([c != BOUNDARY for c in normalized], dtype=np.bool_)))
    start = np.array([_skip_boundary(joined, i) for i in offsets[first]], dtype=np.int64)
    return first, start, np.maximum(offsets[last], start + 1)


def _written_words(joined: str) -> tuple[Indices, Indices, Indices]:
    """Return the same of the words as they are written."""
    codes = written_table().codes
    points = np.array([*map(ord, joined)], dtype=np.int64)
    symbols = np.where(points < len(codes), codes[np.minimum(points, len(codes) - 1)], SPACE)
    kept = np.flatnonzero(symbols)
    first, last = _runs(symbols[kept] != SPACE)
    n_before = np.cumsum(np.concatenate([[0], last - first + 1]))[: len(first)]  # with one space behind each word
    return n_before, kept[first], kept[last - 1] + 1


def _runs(holds: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """Return where each run of true values begins and ends."""
    bounds = np.diff(np.pad(holds.astype(np.int8), 1))
    return np.flatnonzero(bounds == 1), np.flatnonzero(bounds == -1)


def _skip_boundary(text: str, start: int) -> int:
    """Go on to the first letter: in rare texts `normalize_with_offsets` counts the boundary to the word behind it."""
    while start + 1 < len(text) and not normalize_text(text[start]):
        start += 1
    return start


def _word_at(known: tuple[Indices, Indices], encoded: EncodedArticles, positions: Indices) -> Indices:
    """Return the number of the word at each position among the symbols; headlines stand twice there."""
    begin, number = known
    in_page = positions - np.where(positions < encoded.page[0, 0], encoded.title[0, 0], encoded.page[0, 0])
    return np.asarray(number[np.searchsorted(begin, in_page, side="right") - 1])


def _units(words: _Words, mention_of_word: Indices) -> Indices:
    """Return the number of the unit of each word."""
    is_new = (words.start[1:] >= words.stop[:-1]) & (words.written[1:] != words.written[:-1])
    is_new &= (mention_of_word[1:] < 0) | (mention_of_word[1:] != mention_of_word[:-1])
    return np.concatenate([np.zeros(min(len(words.start), 1), dtype=np.int64), np.cumsum(is_new)])


def _bounds(units: Indices, n_units: int) -> tuple[Indices, Indices]:
    """Return the first and the last word of each unit."""
    numbers = np.arange(n_units)
    return np.searchsorted(units, numbers), np.searchsorted(units, numbers, side="right") - 1


def _may_join(span: Span, new: Span, text: str) -> bool:
    if PLACE in (span.reason, new.reason) or (span.contribution > 0) != (new.contribution > 0):
        return False
    gap = text[span.end : new.start]
    return not gap.strip() and len(f".{gap}.".splitlines()) == 1


def _head_weight(head: str, code: str, place: PlaceHead) -> float:
    """Return what a head counts for in the score of a country."""
    if head == NONE:
        return place.none
    return place.ngram if head == code else 0.0


def _head_values(scorer: Scorer, task: Task, reading: Reading, words: _Words) -> Values:
    """Return what each word adds to the score of each head of a task: ndarray of shape (n_words, n_heads)."""
    values = np.zeros((len(words.start), len(task.heads)))
    for block, coef, scale in zip(scorer.blocks, scorer.coefs, scorer.scales, strict=True):
        columns = scorer.columns_of(block.config)
        mine = np.flatnonzero((columns >= task.columns.start) & (columns < task.columns.stop))
        if len(mine):
            positions, features, parts = _occurrences(block, reading)
            known = coef[features][:, mine] * (scale[mine].astype(np.float64) * block.config.weight)
            as_written = block.config.as_written
            word = _word_at(words.known[as_written], reading.encoded[as_written], positions)
            np.add.at(values, word, known * parts[:, None])
    return values


def _occurrences(block: Block, reading: Reading) -> tuple[Indices, Indices, Values]:
    """Return position, column and share of its feature's value of each known n-gram that a block reads."""
    positions, keys, shares = _read(block, reading)
    features, is_known = stems.look_up(keys, block.keys)
    positions, features, shares = positions[is_known], features[is_known], shares[is_known]
    used, which = np.unique(features, return_inverse=True)
    counts = np.bincount(which, shares, len(used))
    weights = 1.0 + np.log(counts) if block.config.sublinear_tf else counts
    row = weights * block.idf[used]
    return positions, features, (row / counts / np.sqrt((row**2).sum() or 1.0))[which] * shares


def _read(block: Block, reading: Reading) -> tuple[Indices, NDArray[np.int64], Values]:
    """Return position, key and share of each n-gram of a block: a pair of stems belongs to both by half."""
    config = block.config
    if config.reads_stems:
        return _stems_of(reading.tokens(config), config.ngram_range)
    ((begin, end),) = reading.spans(config)
    positions, keys = _ngrams_of(reading.encoded[config.as_written].symbols, int(begin), int(end), config.ngram_range)
    return positions, keys, np.ones(len(keys))


def _stems_of(tokens: stems.Tokens, ngram_range: tuple[int, int]) -> tuple[Indices, NDArray[np.int64], Values]:
    low, high = ngram_range
    found = [(*stems.features_of(tokens.token, tokens.ends, n, n)[:2], n) for n in range(low, high + 1)]
    positions = [tokens.begin[starts + i] for _, starts, n in found for i in range(n)]
    keys = [keys for keys, _, n in found for _ in range(n)]
    shares = [np.full(len(keys), 1 / n) for keys, _, n in found for _ in range(n)]
    return np.concatenate(positions), np.concatenate(keys), np.concatenate(shares)


def _ngrams_of(
    symbols: NDArray[np.uint8], begin: int, end: int, ngram_range: tuple[int, int]
) -> tuple[Indices, NDArray[np.int64]]:
    """Return each n-gram of a span as the kernels read it, and the position of the word that it is of."""
    positions, keys = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    firsts, stops = _runs(symbols[begin:end] != SPACE)
    for first, stop in zip(begin + firsts, begin + stops, strict=True):
        room = np.empty((stop - first + 2) * ngrams.MAX_NGRAM, dtype=np.int64)
        n = ngrams.word_keys(symbols, first, stop, 0, stop - first + 2, *ngram_range, room)
        positions.append(np.full(n, first))
        keys.append(room[:n])
    return np.concatenate(positions), np.concatenate(keys)


class Piece(NamedTuple):
    """A stretch of an explained text, for the views: what is not marked has no span.

    Attributes
    ----------
    text : str
    kind : {"", "for", "against", "dropped"}
    span : Span or None
    strength : float
        0..1, of the strongest span.
    place : str
        Codes of the countries that a mention may mean, for a span that counts as a place.
    """

    text: str
    kind: str = ""
    span: Span | None = None
    strength: float = 0.0
    place: str = ""


def pieces(explanation: Explanation) -> list[Piece]:
    """Cut the whole text into marked and unmarked stretches; spans far weaker than the strongest are not marked."""
    e = explanation
    most = max((abs(s.contribution) for s in e.spans), default=1.0)
    codes = {p.start: " ".join(code for code, _ in p.countries) for p in e.places}
    marked = [(start, end, Piece(e.text[start:end], "dropped")) for start, end in e.dropped]
    for s in e.spans:
        strength = abs(s.contribution) / most
        if strength >= _FAINT:
            place = codes.get(s.start, "") if s.reason == PLACE else ""
            kind = "for" if s.contribution > 0 else "against"
            marked.append((s.start, s.end, Piece(e.text[s.start : s.end], kind, s, strength, place)))
    return list(_with_gaps(e.text, sorted(marked, key=lambda item: item[0])))


def _with_gaps(text: str, marked: Sequence[tuple[int, int, Piece]]) -> Iterator[Piece]:
    end = 0
    for start, stop, piece in marked:
        if start > end:
            yield Piece(text[end:start])
        yield piece
        end = stop
    if end < len(text):
        yield Piece(text[end:])


class Group(NamedTuple):
    """The same phrase or place name, wherever it stands: the first one's text, the sum of contributions, how often.

    `kind` and `countries` are those of a place.
    """

    text: str
    contribution: float
    times: int
    kind: str = ""
    countries: tuple[tuple[str, float], ...] = ()


def grouped(explanation: Explanation, spans: Sequence[Span]) -> list[Group]:
    """Sum up spans that say the same, strongest first."""
    groups: dict[str, Group] = {}
    for s in spans:
        text = _phrase(explanation.text[s.start : s.end])
        key = normalize_text(text) or text  # of a mark that is written alone
        old = groups.setdefault(key, Group(text, 0.0, 0))
        groups[key] = Group(old.text, old.contribution + s.contribution, old.times + 1)
    return sorted(groups.values(), key=lambda group: -abs(group.contribution))


def grouped_places(explanation: Explanation) -> list[Group]:
    """Sum up mentions by name, strongest first, then in the order of the text."""
    groups: dict[str, Group] = {}
    for p in explanation.places:
        text = _phrase(explanation.text[p.start : p.end])
        old = groups.setdefault(p.name, Group(text, 0.0, 0))
        groups[p.name] = Group(old.text, old.contribution + p.contribution, old.times + 1, p.kind, p.countries)
    return sorted(groups.values(), key=lambda group: -abs(group.contribution))


def render_html(explanations: Sequence[Explanation]) -> str:
    """Return one self-contained right-to-left page of the explanations of an article, a task each.

    Parameters
    ----------
    explanations : sequence of Explanation
        Their alternatives are shown too: a switch shows one label at a time.

    Returns
    -------
    str
        Without scripts and references to other files; whatever comes from the article and the labels is escaped.

    Raises
    ------
    ClassifierError
        If jinja2 is missing.
    """
    views = [view for explanation in explanations for view in _views_of(explanation)]
    return _environment().get_template("explanation.html.j2").render(explanations=explanations, views=views)


def _views_of(explanation: Explanation) -> list[Explanation]:
    return [explanation, *explanation.alternatives]


def _environment() -> "Environment":
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise ClassifierError(
            "the HTML page needs jinja2: pip install 'arabic-news-classifier[html]', or use the terminal view"
        ) from error
    environment = Environment(
        loader=PackageLoader("classifier"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"signed": _signed, "percent": _percent}
    for function in (name_of, pieces, grouped, grouped_places):
        environment.globals[function.__name__] = function
    environment.globals |= {"views_of": _views_of, "most_listed": _MOST_LISTED}
    environment.globals |= {"tasks_ar": _TASKS_AR, "kinds_ar": _KINDS_AR}
    return environment


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _phrase(text: str) -> str:
    return " ".join(text.split())


def render_text(explanation: Explanation, console: "Console") -> None:
    """Print an explanation: the verdict, the marked text, what speaks for and against the label, the runners-up.

    Parameters
    ----------
    explanation : Explanation
    console : rich.console.Console
    """
    from rich.text import Text

    e = explanation
    console.print(_verdict(e), Text(""), _marked_text(e), Text(""), sep="\n")
    console.print(_span_table(e))
    if e.places:
        console.print(_place_table(e))
    console.print(_alternative_table(e))


def _verdict(e: Explanation) -> "Text":
    from rich.text import Text

    stated = "stated" if e.is_stated else "not stated"
    verdict = Text(f"{e.task}: ").append(_visible(e.label), style="bold").append(f"  {_names(e)}")
    spans = sum(s.contribution for s in e.spans)
    score = f"score {_signed(e.score)} = intercept {_signed(e.intercept)}, text {_signed(spans)}"
    return verdict.append(f"\n{stated}, probability {_percent(e.probability)}, {score}")


def _names(e: Explanation) -> str:
    name = name_of(e.task, e.label)
    return "" if name.name_en == e.label else _visible(f"{name.name_en}, {name.name_ar}")


def _marked_text(e: Explanation) -> "Text":
    """Mark evidence by colour and, for who can't see colours, by a raised sign behind it."""
    from rich.text import Text

    styles = {"": "", "for": "bold green", "against": "red", "dropped": "dim"}
    marks = {"for": "\N{SUPERSCRIPT PLUS SIGN}", "against": "\N{SUPERSCRIPT MINUS}"}
    text = Text()
    for piece in pieces(e):
        text.append(_visible(piece.text) + marks.get(piece.kind, ""), style=styles[piece.kind])
    return text


def _visible(text: str) -> str:
    """Drop control characters: those of a terminal may do anything, those of direction reorder the line."""
    return "".join(char for char in text if char.isprintable() or char == "\n")


def _table(title: str, *headers: str) -> "Table":
    """Make a table: Arabic goes to the last column, where its direction moves nothing else."""
    from rich import box
    from rich.table import Table

    table = Table(title=_cell(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def _span_table(e: Explanation) -> "Table":
    table = _table(f"for and against {e.label}", "part", "times", "phrase")
    for spans, style in ((e.evidence, "green"), (e.against, "red")):
        for group in grouped(e, spans)[:_MOST_LISTED]:
            table.add_row(_signed(group.contribution), str(group.times), _cell(group.text), style=style)
    return table


def _place_table(e: Explanation) -> "Table":
    table = _table("places", "part", "times", "countries", "kind", "name")
    for group in grouped_places(e)[: 2 * _MOST_LISTED]:
        countries = " ".join(f"{code} {weight:.2g}" for code, weight in group.countries[:3])
        table.add_row(
            _signed(group.contribution), str(group.times), _cell(countries), _cell(group.kind), _cell(group.text)
        )
    return table


def _alternative_table(e: Explanation) -> "Table":
    table = _table("other labels", "label", "score", "probability", "stated", "most against it")
    for a in e.alternatives:
        against = "\n".join(group.text for group in grouped(a, a.against)[:3])
        numbers = (_signed(a.score), _percent(a.probability), "yes" if a.is_stated else "no")
        table.add_row(_cell(a.label), *numbers, _cell(against))
    return table


def _cell(text: str) -> "Text":
    from rich.text import Text

    return Text(_visible(text))
