import dataclasses
import pickle
import subprocess
import sys

import pytest

from classifier.article import Article
from classifier.errors import InvalidTextError

PAGE = "العراق يقيم سواتر ترابية\nت + ت - الحجم الطبيعي\nبدأت القوات العراقية إقامة سواتر.\n3\nوقالت المصادر إن القوات تتقدم.\n"


def test_without_a_page_there_is_no_source():
    article = Article("نص", "عنوان")
    assert (article.source, article.title_spans, article.text_spans) == (None, (), ())


@pytest.mark.parametrize("name", ["text", "title"])
def test_other_than_str_is_refused(name):
    with pytest.raises(InvalidTextError, match=f"Article.{name} must be str, got None"):
        Article(**{"text": "", "title": "", name: None})


def test_from_page_keeps_the_page_and_where_everything_stood():
    article = Article.from_page(PAGE, id="a", home="IQ")
    assert (article.title, article.id, article.home) == ("العراق يقيم سواتر ترابية", "a", "IQ")
    assert article.text == "بدأت القوات العراقية إقامة سواتر.\nوقالت المصادر إن القوات تتقدم."
    assert article.source is PAGE
    for text, spans in ((article.title, article.title_spans), (article.text, article.text_spans)):
        assert text == "".join(PAGE[start : start + length] for _, start, length in spans)


def test_articles_that_say_the_same_are_equal_whatever_page_they_come_from():
    from_page = Article.from_page(PAGE)
    by_hand = Article(from_page.text, from_page.title)
    assert from_page == by_hand == Article.from_page(PAGE + "Email\n")
    assert len({from_page, by_hand}) == 1
    assert from_page != dataclasses.replace(from_page, title="")
    assert repr(from_page) == repr(by_hand)


def test_pickle_and_replace_keep_the_page():
    article = Article.from_page(PAGE)
    for copy in (pickle.loads(pickle.dumps(article)), dataclasses.replace(article, id="b")):
        assert (copy.source, copy.text_spans) == (PAGE, article.text_spans)


@pytest.mark.parametrize("page", [None, b"page", 3])
def test_from_page_refuses_what_is_no_text(page):
    with pytest.raises(InvalidTextError, match="page must be str, got"):
        Article.from_page(page)


def test_importing_articles_imports_no_page_cleaner():
    script = "import sys, classifier.article; print([m for m in ('classifier.pages', 'numpy') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
