"""Zones of articles: what each span reads."""

import numpy as np
import pytest

from classifier import zones
from classifier.article import Article
from classifier.blocks import encode
from classifier.normalize import normalize_text
from classifier.symbols import symbol_table
from classifier.zones import zone_spans

TITLED = Article("وصل الوزير إلى بغداد اليوم", "زيارة رسمية")
UNTITLED = Article("وصل الوزير إلى بغداد اليوم")


def read(articles, spans, encoded):
    return [symbol_table().decode(encoded.symbols[a:b]) for a, b in spans]


def zone(article, name, lead=600, untitled=80):
    encoded = encode([article])
    return read([article], zone_spans(encoded, name, lead, untitled), encoded)[0]


def test_spans_of_title_page_and_text():
    articles = [TITLED, UNTITLED, Article("", "عنوان"), Article("", ""), Article("نص", "؟!")]
    encoded = encode(articles)
    assert read(articles, encoded.title, encoded) == [normalize_text(a.title) for a in articles]
    assert read(articles, encoded.text, encoded) == [normalize_text(a.text) for a in articles]
    assert read(articles, encoded.page, encoded) == [normalize_text(f"{a.title}\n{a.text}") for a in articles]


def test_batches_change_nothing(monkeypatch):
    articles = [TITLED, UNTITLED, Article("", "عنوان"), Article("", ""), Article("نص", "؟!")]
    whole = encode(articles)
    monkeypatch.setattr(zones, "_BATCH_ARTICLES", 2)
    for part, expected in zip(encode(articles), whole, strict=True):
        np.testing.assert_array_equal(part, expected)


def test_no_articles():
    encoded = encode([])
    assert encoded.title.shape == encoded.page.shape == encoded.text.shape == (0, 2)
    assert zone_spans(encoded, "lead", 600, 80).shape == (0, 2)


@pytest.mark.parametrize(
    ("article", "name", "expected"),
    [
        (TITLED, "title", "زياره رسميه"),
        (TITLED, "lead", "زياره رسميه وصل الوزير"),
        (TITLED, "page", "زياره رسميه وصل الوزير الي بغداد اليوم"),
        (UNTITLED, "title", "وصل"),
        (UNTITLED, "lead", "وصل الوزير"),
        (UNTITLED, "page", "وصل الوزير الي بغداد اليوم"),
        (Article("", "زيارة رسمية"), "lead", "زياره رسميه"),
        (Article("", ""), "title", ""),
    ],
)
def test_zones(article, name, expected):
    assert zone(article, name, lead=12, untitled=5) == expected


@pytest.mark.parametrize(
    ("longest", "expected"),
    [(2, "وص"), (3, "وصل"), (4, "وصل"), (9, "وصل"), (10, "وصل الوزير"), (99, "وصل الوزير")],
)
def test_cut_at_the_end_of_a_word(longest, expected):
    assert zone(Article("وصل الوزير"), "title", untitled=longest) == expected


def test_zones_do_not_depend_on_the_neighbours(corpus):
    articles = corpus.articles[:20]
    encoded = encode(articles)
    for name in ("title", "lead", "page"):
        together = read(articles, zone_spans(encoded, name, 100, 20), encoded)
        assert together == [zone(article, name, 100, 20) for article in articles]


@pytest.mark.parametrize("character", ["ﷺ", "\u064b", "\ud800", "😀", "\u0000"], ids=ascii)
def test_text_begins_behind_any_title(character):
    encoded = encode([Article(f"نص{character}", f"{character}عنوان{character}")])
    begin, end = encoded.text[0]
    assert symbol_table().decode(encoded.symbols[begin:end]) == normalize_text(f"نص{character}")
    assert np.all(np.diff(encoded.page) >= 0)
