"""Place mentions of articles, and what they say about each country: compiled kernels over symbols.

What each feature is for and what it brings: docs/gazetteer.md.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from classifier.gazetteer import KINDS, MAX_LETTERS, Gazetteer, may_lead, next_node
from classifier.ngrams import read_word
from classifier.symbols import SYMBOL_BITS

__all__ = ["PLACE_FEATURES", "Mentions", "PlacePairs", "find_mentions", "place_features"]

TITLE, LEAD, BODY, DATELINE = 0, 1, 2, 3
LEAD_WORDS = 80
MOST_WORDS = 1200
_DATELINE_WORDS = 8
_HALF = MAX_LETTERS // 2
_TOP_SHIFT = SYMBOL_BITS * (_HALF - 1)
_FULL = (1 << (SYMBOL_BITS * _HALF)) - 1
_STATE, _PEOPLE, _MEDIA = KINDS.index("state"), KINDS.index("people"), KINDS.index("media")

_GROUPS = (
    "state", "people", "city", "subdivision", "place", "institution", "media", "club", "currency", "party", "person",
)  # fmt: skip
_GROUP_OF_KIND = {"capital": "city", "title": "institution", "armed_group": "party"}
_GROUP_OF_KINDS = np.array([_GROUPS.index(_GROUP_OF_KIND.get(kind, kind)) for kind in KINDS], dtype=np.uint8)
_BIN_ENDS = (5, 10, 20, 40, 80, 160)
_PRESS = _GROUPS.index("media")
_RANKS = 5

PLACE_FEATURES = (
    *(f"{group} in title or lead" for group in _GROUPS),
    "title", "lead", "body", "everywhere",
    "share", "root of share", "share of title and lead",
    *(f"rank {rank}" for rank in range(1, _RANKS)), f"rank {_RANKS} or more",
    "near the start", "very near the start", "in the lead",
    "surest name", "sure name", "no likely name", "likely countries", "only likely country",
    "not in the title, others are", "in the title", "European Union",
    *(f"words {begin} to {end}" for begin, end in zip((0, *_BIN_ENDS), (*_BIN_ENDS, MOST_WORDS), strict=True)),
    "length", "density", "short text",
    "dateline",
)  # fmt: skip
"""What the columns of `PlacePairs.features` hold; `place_features` says how."""

_N_GROUPS, _N_BINS = len(_GROUPS), len(_BIN_ENDS) + 1
# Columns of what is summed a country: groups, zones, bins.
_ZONES, _BINS = _N_GROUPS, _N_GROUPS + 4
_N_SUMS = _BINS + _N_BINS
# Columns of what is known a country beside sums.
_FIRST, _SUREST, _SUPPORT, _PROMINENCE, _N_FACTS = 0, 1, 2, 3, 4
# Sums over the countries of an article.
_OF_ALL, _OF_TITLES, _OF_EARLY, _N_LIKELY, _N_TOTALS = 0, 1, 2, 3, 4
_AT_TITLE, _BEFORE_TEXT, _NOWHERE = 1.0, 11.0, 1000.0
_SURE, _LIKELY, _POSSIBLE = 0.9, 0.5, 0.3
_ROUNDING = 1e-6  # Weights are float32: 0.9 is a little less.
_UNSUPPORTED = 0.3
_SHORT_TEXT = 60.0


class Mentions(NamedTuple):
    """Names found, in the order of articles, title before text, and position.

    Attributes
    ----------
    article : ndarray of shape (n_mentions,), int32
    zone : ndarray of uint8
        0 in the title, 1 in the first `LEAD_WORDS` words of the text, 2 in the rest up to `MOST_WORDS` words; 3 in a
        dateline: at the very start of a text, before the name of a news agency.
    begin, end : ndarrays of int64
        Positions in the symbols; a clitic before the name is part of the span.
    word : ndarray of int32
        Number of its first word in the title or in the text.
    entry : ndarray of int32
        What was found in the gazetteer.
    n_words : ndarray of shape (n_articles,), int32
        How many words of each text were read.
    """

    article: NDArray[np.int32]
    zone: NDArray[np.uint8]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    word: NDArray[np.int32]
    entry: NDArray[np.int32]
    n_words: NDArray[np.int32]


def find_mentions(
    symbols: NDArray[np.uint8], titles: NDArray[np.int64], texts: NDArray[np.int64], gazetteer: Gazetteer
) -> Mentions:
    """Find the names of a gazetteer: from left to right, the longest first, then the one behind the shortest clitic.

    Parameters
    ----------
    symbols : ndarray of uint8
        Of `SymbolTable.encode` with default options.
    titles, texts : ndarrays of shape (n_articles, 2), int64
        Begin and end of each article's title and text in `symbols`; only the first `MOST_WORDS` words are read.
    gazetteer : Gazetteer

    Returns
    -------
    Mentions
    """
    spans = np.concatenate([titles, texts])
    found = _room_for_mentions(int(np.minimum((spans[:, 1] - spans[:, 0] + 1) // 2, MOST_WORDS).sum()), len(titles))
    n = int(_find_all(symbols, titles, texts, gazetteer.trie, gazetteer.name_ends, found))
    article, zone, begin, end, word, entry, n_words = found
    return Mentions(article[:n], zone[:n], begin[:n], end[:n], word[:n], entry[:n], n_words)


def _room_for_mentions(n: int, n_articles: int) -> Mentions:
    return Mentions(
        article=np.empty(n, dtype=np.int32),
        zone=np.empty(n, dtype=np.uint8),
        begin=np.empty(n, dtype=np.int64),
        end=np.empty(n, dtype=np.int64),
        word=np.empty(n, dtype=np.int32),
        entry=np.empty(n, dtype=np.int32),
        n_words=np.empty(n_articles, dtype=np.int32),
    )


@njit(cache=True, nogil=True)
def _find_all(symbols, titles, texts, trie, name_ends, found):
    n = 0
    for article in range(len(titles)):
        n, _ = _find_in(symbols, titles[article, 0], titles[article, 1], article, TITLE, trie, found, n)
        first = n
        n, found.n_words[article] = _find_in(
            symbols, texts[article, 0], texts[article, 1], article, LEAD, trie, found, n
        )
        _mark_dateline(found, first, n, trie.kinds, name_ends)
    return n


@njit(cache=True, nogil=True)
def _mark_dateline(found, first, n, kinds, name_ends):
    """Give a zone of its own to names without a gap at the start of a text, if the press is credited after them.

    "Dubai, United Arab Emirates (CNN)" says where the reporter sits; the story is mostly about another country.
    """
    expected = 0
    for mention in range(first, n):
        entry, word = found.entry[mention], found.word[mention]
        if word > min(expected + 1, _DATELINE_WORDS):
            return
        if kinds[entry] == _MEDIA:
            if mention > first:
                found.zone[first : mention + 1] = DATELINE
            return
        expected = word + name_ends[entry] - (name_ends[entry - 1] if entry else 0)


@njit(cache=True, nogil=True)
def _find_in(symbols, begin, end, article, zone, trie, found, n):
    """Append the mentions of a title or text from mention `n` on; return how many there are now, and words read."""
    edges, nodes, bits, kinds, letters = trie  # Arrays taken out of a tuple in a loop cost more than the loop's work.
    word = 0
    while begin < end and word < MOST_WORDS:
        stop, first, second = read_word(symbols, begin, end)
        best = (np.int64(-1), np.int64(0), np.int64(stop))
        if stop - begin <= MAX_LETTERS:
            most = MOST_WORDS - word
            for i in range(_n_cores(first, letters)):
                one, two, length, n_clitic = _core(first, second, stop - begin, i, letters)
                if n_clitic >= 0:
                    if may_lead(0, one, two, bits):
                        is_short = n_clitic > 0 and length < 4
                        best = _follow(symbols, stop, end, one, two, is_short, most, best, edges, nodes, bits, kinds)
                    one, two = _bare(one, two, letters)
                    if one and best[1] == 0 and may_lead(0, one, two, bits) and not (n_clitic > 0 and length < 6):
                        best = _people(one, two, stop, best, edges, nodes, kinds)
        entry, n_words, last = best
        if entry >= 0:
            found.article[n], found.entry[n], found.word[n] = article, entry, word
            found.begin[n], found.end[n] = begin, last
            found.zone[n] = BODY if zone == LEAD and word >= LEAD_WORDS else zone
            n += 1
        word += n_words + (n_words == 0)
        begin = last + 1
    return n, word


@njit(inline="always")
def _shift(first, second, n):
    """Drop the first `n` letters of a packed word."""
    bits = SYMBOL_BITS * n
    return ((first << bits) & _FULL) | (second >> (SYMBOL_BITS * _HALF - bits)), (second << bits) & _FULL


@njit(inline="always")
def _letter(first, n):
    """Return letter `n` of a packed word, n below 9."""
    return (first >> (_TOP_SHIFT - SYMBOL_BITS * n)) & 0x7F


@njit(inline="always")
def _core(first, second, length, i, letters):
    """Return what is left of a word without its i-th possible clitic, 0 none: letters, length, clitic's length or -1.

    1: one of five; 2: two, the first of them wa- or fa-; 3: lil-, which stands for li- and the article; 4: wa-, fa- and
    lil-.
    """
    alef, lam, waw, feh, beh, kaf = letters
    a, b, c = _letter(first, 0), _letter(first, 1), _letter(first, 2)
    joins = a in (waw, feh)
    n = 0
    if i == 1:
        n = 1 if length >= 4 and (joins or a in (beh, lam, kaf)) else -1
    elif i == 2:
        n = 2 if length >= 5 and joins and (b in (beh, lam) or (b == kaf and a == waw)) else -1
    elif i == 3:
        n = 2 if length >= 4 and a == lam and b == lam else -1
    elif i == 4:
        n = 3 if length >= 5 and joins and b == lam and c == lam else -1
    dropped = max(n - (i >= 3) * 2, 0)
    one, two = _shift(first, second, dropped)
    if i >= 3:
        one += (np.int64(alef) - np.int64(lam)) << _TOP_SHIFT
    return one, two, length - dropped, n


@njit(inline="always")
def _n_cores(first, letters):
    """Return how many of the cores need a look: words that begin with no clitic's letter have none but themselves."""
    a = _letter(first, 0)
    return 5 if a == letters[1] or a == letters[2] or a == letters[3] or a == letters[4] or a == letters[5] else 1


@njit(inline="always")
def _bare(first, second, letters):
    """Return a word without its article, or 0, 0."""
    if _letter(first, 0) == letters[0] and _letter(first, 1) == letters[1]:
        return _shift(first, second, 2)
    return np.int64(0), np.int64(0)


@njit(inline="always")
def _people(first, second, stop, best, edges, nodes, kinds):
    """Return the people that a word alone names, or `best`."""
    entry = np.int64(nodes[next_node(0, first, second, edges), 0])
    if entry >= 0 and kinds[entry] == _PEOPLE:
        return entry, np.int64(1), np.int64(stop)
    return best


@njit(inline="always")
def _follow(symbols, stop, end, first, second, is_short, most, best, edges, nodes, bits, kinds):
    """Return the longest name that starts with a word and goes on after `stop`, or `best` if none is longer.

    Short names behind a clitic are mostly other words.
    """
    entry, n_words, last = best
    depth = 1
    node = next_node(0, first, second, edges)
    found = nodes[node, 0]
    if n_words == 0 and found >= 0 and not (is_short and kinds[found] != _STATE):
        entry, n_words, last = np.int64(found), np.int64(1), np.int64(stop)
    while node and nodes[node, 1] and stop < end and depth < most:
        begin = stop + 1
        stop, first, second = read_word(symbols, begin, end)
        if stop - begin > MAX_LETTERS or not may_lead(node, first, second, bits):
            break
        node = next_node(node, first, second, edges)
        depth += 1
        if nodes[node, 0] >= 0 and depth > n_words:
            entry, n_words, last = np.int64(nodes[node, 0]), np.int64(depth), np.int64(stop)
    return entry, n_words, last


class PlacePairs(NamedTuple):
    """What the mentions say about each country that they may stand for.

    Attributes
    ----------
    article : ndarray of shape (n_pairs,), int32
        Ascending.
    country : ndarray of shape (n_pairs,), int16
        Positions in the gazetteer's `countries`; in an article, each once, in the order of first mention.
    features : ndarray of shape (n_pairs, n_features), float32
        As `PLACE_FEATURES` names them.
    """

    article: NDArray[np.int32]
    country: NDArray[np.int16]
    features: NDArray[np.float32]


def place_features(mentions: Mentions, gazetteer: Gazetteer, home: NDArray[np.int16] | None = None) -> PlacePairs:
    """Describe each country that an article may name by features that mean the same for all countries.

    A mention counts for each country of its name by the weight of the name. Where a name has several countries and
    others in the article are unmistakable, the weights of those that nothing else supports pass to the others.

    Parameters
    ----------
    mentions : Mentions
    gazetteer : Gazetteer
        The one in which they were found.
    home : ndarray of shape (n_articles,), int16, optional
        Index of the country of each article's outlet, -1 where it is not known: what an ambiguous name stands for if
        it lists that country.

    Returns
    -------
    PlacePairs
        An article without mentions has none.

    Notes
    -----
    Weights are summed up a country: `_GROUPS` in title (twice) and lead, the zones, the bins of words. Sums of groups
    and zones are compressed by ``log(1 + x)``, bins cut at 1. Prominence is four times the title, twice the lead and
    the body; share and rank are by prominence. A name is sure from a weight of 0.9, likely from 0.5.
    """
    n_articles, n_countries = len(mentions.n_words), len(gazetteer.countries)
    home = np.full(n_articles, -1, dtype=np.int16) if home is None else home
    bounds = np.searchsorted(mentions.article, np.arange(n_articles + 1))
    ends = gazetteer.country_ends
    n_named = ends[mentions.entry] - np.where(mentions.entry > 0, ends[mentions.entry - 1], 0)
    n_most = int(np.minimum(np.bincount(mentions.article, n_named, n_articles), n_countries).sum())
    pairs = PlacePairs(
        np.empty(n_most, dtype=np.int32),
        np.empty(n_most, dtype=np.int16),
        np.zeros((n_most, len(PLACE_FEATURES)), dtype=np.float32),
    )
    scratch = _Scratch(
        np.zeros((n_countries, _N_SUMS)), np.zeros((n_countries, _N_FACTS)), np.zeros(n_countries, dtype=np.int16)
    )
    union = gazetteer.countries.index("EU") if "EU" in gazetteer.countries else -1
    links = _Links(_GROUP_OF_KINDS[gazetteer.kinds], ends, gazetteer.name_countries, gazetteer.weights, union)
    n = int(_describe_all(mentions, bounds, home, links, scratch, pairs))
    return PlacePairs(pairs.article[:n].copy(), pairs.country[:n].copy(), pairs.features[:n].copy())


class _Links(NamedTuple):
    """The group of each entry, its countries and their weights as in `Gazetteer`, the index of the European Union."""

    groups: NDArray[np.uint8]
    ends: NDArray[np.int32]
    countries: NDArray[np.int16]
    weights: NDArray[np.float32]
    union: int


class _Scratch(NamedTuple):
    """What is known of each country in one article, and which countries were named, in order."""

    sums: NDArray[np.float64]
    facts: NDArray[np.float64]
    named: NDArray[np.int16]


@njit(cache=True, nogil=True)
def _describe_all(mentions, bounds, home, links, scratch, pairs):
    n = 0
    for article in range(len(bounds) - 1):
        first, stop = bounds[article], bounds[article + 1]
        if first == stop:
            continue
        _add_support(mentions, first, stop, links, scratch.facts)
        n_named = _add_mentions(mentions, first, stop, home[article], links, scratch)
        _describe(article, mentions.n_words[article], n_named, links.union, scratch, pairs, n)
        for i in range(n_named):
            scratch.sums[scratch.named[i]] = 0.0
            scratch.facts[scratch.named[i]] = 0.0
        n += n_named
    return n


@njit(cache=True, nogil=True)
def _add_support(mentions, first, stop, links, facts):
    """Note which countries have a sure name outside the dateline."""
    for mention in range(first, stop):
        entry, zone = mentions.entry[mention], mentions.zone[mention]
        if zone != DATELINE and links.groups[entry] != _PRESS:
            for link in range(links.ends[entry - 1] if entry else 0, links.ends[entry]):
                if links.weights[link] >= _SURE - _ROUNDING:
                    facts[links.countries[link], _SUPPORT] = 1.0


@njit(cache=True, nogil=True)
def _add_mentions(mentions, first, stop, home, links, scratch):
    """Sum up the mentions of an article; return the number of countries."""
    groups, ends, countries, weights, _ = links
    sums, facts, named = scratch
    n_named = 0
    for mention in range(first, stop):
        entry, zone, word = mentions.entry[mention], mentions.zone[mention], mentions.word[mention]
        begin, end = ends[entry - 1] if entry else 0, ends[entry]
        share = _supported_share(begin, end, countries, weights, facts)
        is_home = _lists(home, begin, end, countries)
        for link in range(begin, end):
            country = countries[link]
            weight = _weigh(weights[link], country, end - begin, home, is_home, share, facts)
            if facts[country, _FIRST] == 0.0:
                facts[country, _FIRST] = _NOWHERE
                named[n_named] = country
                n_named += 1
            _add(weight, zone, word, groups[entry], sums[country], facts[country])
    return n_named


@njit(inline="always")
def _supported_share(begin, end, countries, weights, facts):
    """Return which part of the weights of a name belongs to countries that have support."""
    total = supported = 0.0
    for link in range(begin, end):
        total += weights[link]
        supported += weights[link] * facts[countries[link], _SUPPORT]
    return supported / total if total else 0.0


@njit(inline="always")
def _lists(home, begin, end, countries):
    for link in range(begin, end):
        if countries[link] == home:
            return True
    return False


@njit(inline="always")
def _weigh(weight, country, n_countries, home, is_home, supported, facts):
    """Return what a mention counts for one of the countries of its name."""
    if n_countries == 1:
        return np.float64(weight)
    if is_home:
        return max(np.float64(weight), 0.9) if country == home else weight / 10.0
    if supported == 0.0 or supported == 1.0:
        return np.float64(weight)
    if facts[country, _SUPPORT] == 0.0:
        return weight * _UNSUPPORTED
    return min(weight * (1.0 + (1.0 - _UNSUPPORTED) * (1.0 - supported) / supported), 1.0)


@njit(inline="always")
def _add(weight, zone, word, group, sums, facts):
    """Add a mention to what is known of a country. Positions count from 1; a title is before the first word."""
    facts[_SUREST] = max(facts[_SUREST], weight)
    sums[_ZONES + zone] += weight
    if zone == DATELINE:
        return
    if zone != BODY:
        sums[group] += weight * (2.0 if zone == TITLE else 1.0)
    if zone != TITLE:
        sums[_BINS + _bin_of(word)] += weight
    if weight >= _POSSIBLE:
        facts[_FIRST] = min(facts[_FIRST], _AT_TITLE if zone == TITLE else word + _BEFORE_TEXT)


@njit(inline="always")
def _bin_of(word):
    place = 0
    for end in _BIN_ENDS:
        place += word >= end
    return place


@njit(cache=True, nogil=True)
def _describe(article, n_words, n_named, union, scratch, pairs, n):
    """Write the pairs of an article from pair `n` on."""
    sums, facts, named = scratch
    totals = np.zeros(_N_TOTALS)
    for i in range(n_named):
        _add_to_totals(sums[named[i]], facts[named[i]], totals)
    for i in range(n_named):
        country, row = named[i], pairs.features[n + i]
        pairs.article[n + i], pairs.country[n + i] = article, country
        place = _write_sums(sums[country], row)
        place = _write_shares(sums[country], facts[country], totals, row, place)
        row[place + min(_rank(i, facts, named, n_named), _RANKS - 1)] = 1.0
        place = _write_names(sums[country], facts[country], totals, country == union, row, place + _RANKS)
        _write_text(sums[country], n_words, row, place)


@njit(inline="always")
def _add_to_totals(sums, facts, totals):
    title, lead, body = sums[_ZONES + TITLE], sums[_ZONES + LEAD], sums[_ZONES + BODY]
    facts[_PROMINENCE] = 4.0 * title + 2.0 * lead + body
    totals[_OF_ALL] += facts[_PROMINENCE]
    totals[_OF_TITLES] += title
    totals[_OF_EARLY] += title + lead
    totals[_N_LIKELY] += facts[_SUREST] >= _LIKELY


@njit(inline="always")
def _rank(i, facts, named, n_named):
    """Return how many countries are more prominent; of equals, the one named first is."""
    rank = 0
    for j in range(n_named):
        other, own = facts[named[j], _PROMINENCE], facts[named[i], _PROMINENCE]
        rank += other > own or (other == own and j < i)
    return rank


@njit(inline="always")
def _write_sums(sums, row):
    for group in range(_N_GROUPS):
        row[group] = np.log1p(sums[group])
    everywhere = 0.0
    for zone in (TITLE, LEAD, BODY):
        row[_N_GROUPS + zone] = np.log1p(sums[_ZONES + zone])
        everywhere += sums[_ZONES + zone]
    row[_N_GROUPS + 3] = np.log1p(everywhere)
    return _N_GROUPS + 4


@njit(inline="always")
def _write_shares(sums, facts, totals, row, place):
    early = sums[_ZONES + TITLE] + sums[_ZONES + LEAD]
    share = facts[_PROMINENCE] / totals[_OF_ALL] if totals[_OF_ALL] else 0.0
    row[place] = share
    row[place + 1] = np.sqrt(share)
    row[place + 2] = early / totals[_OF_EARLY] if totals[_OF_EARLY] else 0.0
    return place + 3


@njit(inline="always")
def _write_names(sums, facts, totals, is_union, row, place):
    """Write where the first likely name stands, how sure the surest is, and what the title names."""
    position = facts[_FIRST] - _AT_TITLE
    row[place] = 1.0 / (1.0 + position / 10.0)
    row[place + 1] = np.exp(-position / 40.0)
    row[place + 2] = position < LEAD_WORDS + 10
    row[place + 3] = facts[_SUREST]
    row[place + 4] = facts[_SUREST] >= _SURE - _ROUNDING
    row[place + 5] = facts[_SUREST] < _LIKELY
    row[place + 6] = np.log1p(totals[_N_LIKELY])
    row[place + 7] = totals[_N_LIKELY] == 1.0
    row[place + 8] = sums[_ZONES + TITLE] == 0.0 and totals[_OF_TITLES] > 0.0
    row[place + 9] = sums[_ZONES + TITLE] > 0.0
    row[place + 10] = is_union
    return place + 11


@njit(inline="always")
def _write_text(sums, n_words, row, place):
    for i in range(_N_BINS):
        row[place + i] = min(sums[_BINS + i], 1.0)
    place += _N_BINS
    everywhere = sums[_ZONES + TITLE] + sums[_ZONES + LEAD] + sums[_ZONES + BODY]
    row[place] = np.log1p(n_words)
    row[place + 1] = 20.0 * everywhere / max(n_words, 20)
    row[place + 2] = n_words < _SHORT_TEXT
    row[place + 3] = sums[_ZONES + DATELINE] > 0.0
