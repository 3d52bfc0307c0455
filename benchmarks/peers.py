"""The systems that the benchmarks of speed compare, one thread each, all with character 2-5-grams unless named otherwise.

Each has `prepare` (raw articles to what it takes, outside the clock), `fit` and `predict`. fastText is no dependency of
the project: `pip install fasttext-numpy2-wheel`.
"""

import time
from statistics import median

from classifier import Article, NewsClassifier

NGRAM_RANGE = (2, 5)
OURS, TFIDF, HASHING = "this project", "Tfidf + LinearSVC", "Hashing + SGD"
FASTTEXT, FASTTEXT_WORDS = "fastText 2-5-grams", "fastText words"
_LOWEST_RATE = 1e-4
PEERS = (TFIDF, HASHING, FASTTEXT, FASTTEXT_WORDS)


def system(name):
    """Return an untrained system."""
    if name == OURS:
        return Ours()
    if name in (TFIDF, HASHING):
        return ScikitLearn(_tfidf_svc() if name == TFIDF else _hashing_sgd())
    return FastText(*(NGRAM_RANGE if name == FASTTEXT else (0, 0)))


class Ours:
    """`NewsClassifier` with preset char."""

    def __init__(self):
        self.model = NewsClassifier(preset="char", n_jobs=1)

    def prepare(self, articles):
        return [Article(text, title) for title, text in articles]

    def fit(self, articles, labels):
        self.model.fit(articles, {"section": labels})

    def predict(self, articles):
        return [prediction["section"][0].code for prediction in self.model.predict(articles)]


class ScikitLearn:
    """A pipeline over raw texts."""

    def __init__(self, pipeline):
        self.pipeline = pipeline

    def prepare(self, articles):
        return [f"{title}\n{text}" for title, text in articles]

    def fit(self, texts, labels):
        self.pipeline.fit(texts, labels)

    def predict(self, texts):
        return self.pipeline.predict(texts)


class FastText:
    """fastText in few dimensions, as accuracy.py trains it; all that it asks of texts is to have no line breaks."""

    def __init__(self, minn, maxn):
        # Epochs and rate change what training costs, not what a label does; the accuracy stands beside.
        self.options = {"minn": minn, "maxn": maxn, "lr": 0.2, "epoch": 10}

    def prepare(self, articles):
        return [" ".join(f"{title} {text}".split()) for title, text in articles]

    def fit(self, texts, labels):
        from accuracy import fit_fasttext

        options = self.options
        while True:
            try:
                self.model, self.names = fit_fasttext(texts, labels, options)
                return
            except RuntimeError:  # It diverged.
                options = options | {"lr": options["lr"] / 4}
                if options["lr"] < _LOWEST_RATE:
                    raise

    def predict(self, texts):
        return [self.names[labels[0]] for labels in self.model.predict(texts)[0]]


def seconds(function, *args, clock=time.perf_counter):
    """Return how long a call takes."""
    start = clock()
    function(*args)
    return clock() - start


def take_turns(calls, n_runs, clock=time.perf_counter):
    """Return the median seconds of each call, all taking turns, after a round that does not count."""
    times = {name: [] for name in calls}
    for run in range(n_runs + 1):
        for name, call in calls.items():
            elapsed = seconds(call, clock=clock)
            if run:
                times[name].append(elapsed)
    return {name: median(values) for name, values in times.items()}


def _tfidf_svc():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    return make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=NGRAM_RANGE, min_df=2), LinearSVC())


def _hashing_sgd():
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline

    return make_pipeline(HashingVectorizer(analyzer="char_wb", ngram_range=NGRAM_RANGE), SGDClassifier(random_state=0))
