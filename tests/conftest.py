import json
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st

# The first example of a test may compile kernels, which takes seconds.
settings.register_profile("kernels", deadline=None)
settings.load_profile("kernels")

_BLOCKS = {
    "ascii": (0x09, 0x7E),
    "latin": (0x80, 0x24F),
    "latin marks": (0x300, 0x36F),
    "arabic": (0x600, 0x6FF),
    "arabic supplements": (0x750, 0x8FF),
    "controls and punctuation": (0x2000, 0x206F),
    "presentation forms A": (0xFB50, 0xFDFF),
    "presentation forms B": (0xFE70, 0xFEFF),
    "kana, for its combining marks": (0x3040, 0x30FF),
    "hangul letters, which compose": (0x1100, 0x11FF),
    "surrogates": (0xD800, 0xDFFF),
    "unassigned": (0x2FE0, 0x2FEF),
    "arabic mathematics": (0x1EE00, 0x1EEFF),
    "astral": (0x10000, 0x10FFFF),
}
# Letters that folds meet, marks that compose and reorder, what is dropped between them.
_OFTEN = (
    "ابتةهويىأإآؤئءلمن \n\u0640\u064b\u064e\u0651\u0653\u0654\u0655\u0670\u200c\u200f\u06cc\u06a9.،؛\u0661\u06f23aÉ"
)


@pytest.fixture(scope="session")
def raw_texts():
    """Texts of all that occurs in Arabic pages, and of what should not: draw with hypothesis's `data`."""
    blocks = [st.characters(min_codepoint=low, max_codepoint=high, categories=None) for low, high in _BLOCKS.values()]
    often = st.sampled_from(_OFTEN)
    return st.text(often, max_size=40) | st.text(st.one_of(often, *blocks), max_size=40)


Corpus = namedtuple("Corpus", ["articles", "labels"])
_STARTER = Path(__file__).parents[1] / "datasets" / "starter" / "articles.jsonl"


@pytest.fixture(scope="session")
def corpus():
    """Some 120 articles with topics and countries."""
    from classifier.article import Article

    rows = [json.loads(line) for line in _STARTER.read_text(encoding="utf-8").splitlines()][::9]
    articles = [Article(row["text"], row["title"], id=row["id"]) for row in rows]
    return Corpus(articles, {"topic": [r["topics"] for r in rows], "country": [r["countries"] for r in rows]})


def _classifier(corpus, preset):
    from classifier.model import NewsClassifier

    return NewsClassifier(preset=preset).fit(corpus.articles, corpus.labels)


@pytest.fixture(scope="session")
def char_classifier(corpus):
    """N-grams alone."""
    return _classifier(corpus, "char")


@pytest.fixture(scope="session")
def news_classifier(corpus):
    """Zones and places."""
    return _classifier(corpus, "news")


def _folder(classifier, path):
    from classifier.persistence import save_scorer

    return save_scorer(classifier.scorer_, path / "model", card="# Card\n")


@pytest.fixture(scope="session")
def char_folder(char_classifier, tmp_path_factory):
    """A model folder to read, not to change."""
    return _folder(char_classifier, tmp_path_factory.mktemp("char"))


@pytest.fixture(scope="session")
def news_folder(news_classifier, tmp_path_factory):
    """A model folder to read, not to change."""
    return _folder(news_classifier, tmp_path_factory.mktemp("news"))


def _predictor(folder):
    from classifier.predictor import Predictor

    return Predictor.load(folder)


@pytest.fixture(scope="session")
def char_predictor(char_folder):
    return _predictor(char_folder)


@pytest.fixture(scope="session")
def news_predictor(news_folder):
    return _predictor(news_folder)


@pytest.fixture
def write_lines(tmp_path):
    """Write rows as JSON lines, strings and bytes as they are."""

    def write(name, *rows):
        path = tmp_path / name
        path.write_bytes(b"".join(_line(row) + b"\n" for row in rows))
        return path

    return write


def _line(row):
    if isinstance(row, bytes):
        return row
    return (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)).encode()
