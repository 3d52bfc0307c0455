"""Time grows in proportion to the input, whatever stands in it: eight times the input may take 24 times, not 64."""

import time

import pytest

from classifier.article import Article
from classifier.data import iter_records
from classifier.explain import explain, render_html
from classifier.features import CharNgramTfidf
from classifier.normalize import NormalizeOptions, normalize_text, normalize_with_offsets
from classifier.pages import clean_page
from classifier.symbols import symbol_table

# Two combining classes in turns: to sort them is what makes normalization of long runs slow.
MARKS = "\u0316\u0301"
WORDS = "قال وزير الخارجية المصري في القاهرة إن العراق "
KEEP_MARKS = NormalizeOptions(strip_tashkeel=False)
TEXTS = {
    "words": lambda n: WORDS * (n // len(WORDS)),
    "one word": lambda n: "قالوزير" * (n // 7),
    "one letter": lambda n: "ا" * n,
    "marks on one letter": lambda n: "\ufdfa" + MARKS * (n // 2),
    "marks that are letters by themselves": lambda n: "\ufdfa" + "\uff9e\u0f73" * (n // 2),
    "tashkeel": lambda n: "ب" + "\u0651\u064e\u0655" * (n // 3),
    "white space": lambda n: " \n\t" * (n // 3),
    "lines of one word": lambda n: "قال\n" * (n // 4),
    "lines of furniture": lambda n: "ت + ت - الحجم الطبيعي\n" * (n // 22),
    "a headline of half the page": lambda n: "ق" * (n // 2) + " | موقع\n" + "أعلنت وزارة الخارجية اليوم\n" * (n // 54),
    "headlines": lambda n: "أعلنت وزارة الخارجية اليوم\n" * (n // 27),
    "paragraphs": lambda n: (WORDS * 4 + ".\n") * (n // (4 * len(WORDS))),
    "stories": lambda n: ("عنوان الخبر هنا\n" + WORDS * 9 + ".\n") * (n // (9 * len(WORDS))),
    "ligatures": lambda n: "\ufdfa" * (n // 18),
    "surrogates": lambda n: "\ud800\udfff ا" * (n // 4),
}


def spent(function, argument):
    start = time.process_time()
    function(argument)
    return time.process_time() - start


def assert_linear(function, make, n):
    """Time of the processor, and one good attempt is enough: others use the machine too."""
    small, large = make(n), make(8 * n)
    function(small)
    for _ in range(5):
        before, after = spent(function, small), spent(function, large)
        if after < 24 * max(before, 0.002):
            return
    pytest.fail(f"{len(small)} characters take {before:.3f} s, {len(large)} take {after:.3f} s")


STEPS = {
    "normalize": (normalize_text, 30_000),
    "normalize, marks kept": (lambda text: normalize_text(text, KEEP_MARKS), 20_000),
    "offsets": (normalize_with_offsets, 5_000),
    "symbols": (lambda text: symbol_table().encode([text]), 100_000),
    "pages": (clean_page, 20_000),
    "features": (lambda text: CharNgramTfidf(min_df=1).fit_transform([text + " قال", "قال"]), 30_000),
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("step", STEPS)
def test_of_texts(step, text):
    function, n = STEPS[step]
    assert_linear(function, TEXTS[text], n)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", ["predict", "passages", "explain"])
def test_of_predictors(news_predictor, kind, text):
    def predict(page):
        article = Article(page, page[:1000])
        if kind == "explain":
            render_html([explain(news_predictor.scorer, article, "country")])
        elif kind == "passages":
            news_predictor.passages(article)
        else:
            news_predictor.predict([article])

    assert_linear(predict, TEXTS[text], 4_000 if kind == "explain" else 20_000)


FILES = {
    "in.csv": {
        "rows": lambda n: "text,id\n" + "قال وزير,1\n" * (n // 11),
        "quotes that open and never close": lambda n: "text,id\n" + 'x","z\n' * (n // 6),
        "quotes that close and open": lambda n: "text,id\n" + 'x"\n' * (n // 3),
        "a gigantic field": lambda n: f'text,id\n"{"قال " * (n // 4)}",1\n',
        "many columns": lambda n: "text,id" + ",x" * (n // 2) + "\n" + "قال,1" + ",2" * (n // 2) + "\n",
    },
    "in.jsonl": {
        "rows": lambda n: '{"text": "قال وزير"}\n' * (n // 21),
        "brackets": lambda n: "[" * n + "\n",
        "keys": lambda n: "{" + ", ".join(f'"k{i}": 1' for i in range(n // 10)) + ', "text": "x"}\n',
        "numbers": lambda n: '{"text": "x", "id": 0.' + "1" * n + "}\n",
        "new keys in each row": lambda n: "".join(f'{{"text": "x", "k{i}": 1}}\n' for i in range(n // 20)),
    },
}


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in FILES.items() for kind in kinds])
def test_of_files(tmp_path, name, kind):
    def read(content):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return list(iter_records(path, task_columns={}))

    assert_linear(read, FILES[name][kind], 30_000)
