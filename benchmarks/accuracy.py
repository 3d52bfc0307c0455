"""How right the models are on public sets, beside others: `python benchmarks/accuracy.py --mirror DIR --peers`.

One table, with 95% bootstrap intervals. Sets of sections: ASND (official split), Khaleej, SIB-200 (Arabic, official
split), ANT (all outlets; and trained on Sky News, tested on the BBC). With `--model`, a trained model folder on the
development annotations, on outlets that no training corpus contains, and on the countries that France 24's editors put
into their addresses. Scores are kept in `--output`: rows of sets that are not run again stay as they are.

What the settings of this project were chosen by: cross-validation inside the training parts, docs/experiments.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from common import machine
from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.svm import LinearSVC

from classifier.article import Article
from classifier.config import BlockConfig, Config
from classifier.corpora import fetch, join_annotations, load
from classifier.data import read_articles
from classifier.evaluate import bootstrap_interval, evaluate
from classifier.labels import regions_of
from classifier.normalize import normalize_text
from classifier.persistence import load_base
from classifier.predictor import Predictor
from classifier.training import train

OURS, SVC, FASTTEXT = "this project", "char_wb + LinearSVC", "fastText"
ONE_LABEL_SETS = ("asnd", "khaleej", "sib-200", "ant-sections", "ant-transfer")
NEWS_SETS = ("development", "other-outlets", "france24")

# Calibration needs held-out folds, the first label does not: two are enough here.
SHORT = Config.from_dict(
    {
        "blocks": [{"zone": "page", "ngram_range": [2, 6], "min_df": 1}],
        "heads": {"positive_cost": 0.35, "balance": 0.8, "folds": 2},
    }
)
"""For sentences."""
POSTS = replace(
    SHORT,
    blocks=(
        *SHORT.blocks,
        BlockConfig("title", weight=0.5, min_df=1),
        BlockConfig("page", "stem", weight=0.7, ngram_range=(1, 2), min_df=1),
    ),
)
"""For posts."""
LONG = Config.from_dict(
    {
        "blocks": [{"zone": "page", "min_df": 3, "weight": 0.7}, {"zone": "title", "min_df": 2, "weight": 0.5}],
        "heads": {"folds": 2},
    }
)
"""For articles: page and title of preset news, without places and without its costs."""
WRITTEN = replace(
    LONG,
    blocks=(
        BlockConfig("page", min_df=3, as_written=True),
        BlockConfig("title", weight=0.5, as_written=True),
    ),
)
"""For articles of outlets that are in training: their spelling and punctuation as they are."""
WITH_BASE = ("asnd", "sib-200")
"""Sets of few labels, whose models read the scores of the shipped one, too; it knows none of their articles."""
SETTINGS = {"asnd": POSTS, "sib-200": SHORT, "khaleej": LONG, "ant-sections": WRITTEN, "ant-transfer": LONG}

_FASTTEXT_START = {"minn": 2, "maxn": 5, "wordNgrams": 1, "lr": 0.5, "epoch": 25}
_FASTTEXT_STEPS = (
    [{"epoch": 10}, {"epoch": 50}, {"epoch": 200}],
    [{"lr": 0.1}, {"lr": 1.0}],
    [{"minn": 0, "maxn": 0}, {"minn": 3, "maxn": 6}],
    [{"wordNgrams": 2}],
)
"""Tried in this order, twice over; what is better on held-out training articles is kept."""
_FASTTEXT_WORDS = 200_000
"""Of the articles that fastText is tuned on: more would take hours, not minutes."""
_FASTTEXT_READ = 10_000_000
"""Words that one trial may read, over all epochs."""
_RESAMPLES = 2000


class Split(NamedTuple):
    """Articles with one label each, and what is measured on which of the test articles."""

    train: list[Article]
    train_labels: np.ndarray
    test: list[Article]
    test_labels: np.ndarray
    measure: str
    parts: dict[str, np.ndarray]


def asnd(mirror):
    articles = list(load("asnd", mirror))
    train_part = [a for a in articles if a.split in ("train", "dev")]
    test = [a for a in articles if a.split == "test"]
    clean = ~_marked_duplicates(mirror)[[a.split == "test" for a in articles]]
    parts = {"ASND, official": np.ones(len(test), dtype=bool), "ASND, without repeats of training": clean}
    return Split(*_one_label(train_part), *_one_label(test), "macro-F1", parts)


def _marked_duplicates(mirror):
    """Return the column of the file that marks test posts which occur in training."""
    import pyarrow.parquet as pq

    return pq.read_table(fetch("asnd", mirror=mirror), columns=["dup_of_train"]).column(0).to_numpy().astype(bool)


def khaleej(mirror):
    articles = _without_repeats(load("sanad-khaleej", mirror))
    return _random_split("Khaleej", articles, 0.1)


def sib200(mirror, varieties=("arb_Arab",)):
    articles = list(load("sib-200", mirror))
    train_part = [a for a in articles if a.split == "train" and a.lang in varieties]
    test = [a for a in articles if a.split == "test" and a.lang == "arb_Arab"]
    everything = np.ones(len(test), dtype=bool)
    return Split(*_one_label(train_part), *_one_label(test), "accuracy", {"SIB-200, Standard Arabic": everything})


def ant_sections(mirror):
    return _random_split("ANT sections", _without_repeats(load("ant-v2", mirror)), 0.2)


def ant_transfer(mirror):
    articles = _without_repeats(load("ant-v2", mirror))
    common = set.intersection(*({a.section for a in articles if a.outlet == o} for o in ("skynews", "BBC")))
    train_part, test = ([a for a in articles if a.outlet == o and a.section in common] for o in ("skynews", "BBC"))
    everything = np.ones(len(test), dtype=bool)
    return Split(*_one_label(train_part), *_one_label(test), "accuracy", {"ANT, Sky News to BBC": everything})


SPLITS = {
    "asnd": asnd,
    "khaleej": khaleej,
    "sib-200": sib200,
    "ant-sections": ant_sections,
    "ant-transfer": ant_transfer,
}


def _one_label(articles):
    return [Article(a.text, a.title, a.id) for a in articles], np.array([a.section for a in articles])


def _without_repeats(articles):
    """Keep the first of the articles that read the same; none if they are filed under different sections."""
    found: dict[str, list] = {}
    for article in articles:
        key = normalize_text(f"{article.title}\n{article.text}")
        if key:
            found.setdefault(key, []).append(article)
    return [same[0] for same in found.values() if len({a.section for a in same}) == 1]


def _random_split(name, articles, test_size):
    sections = [a.section for a in articles]
    train_part, test = train_test_split(articles, test_size=test_size, random_state=0, stratify=sections)
    return Split(*_one_label(train_part), *_one_label(test), "accuracy", {name: np.ones(len(test), dtype=bool)})


def predict_ours(name, split):
    labels = {"section": [[label] for label in split.train_labels]}
    scorer = train(split.train, labels, SETTINGS[name], base=load_base("shipped") if name in WITH_BASE else None)
    return np.array(scorer.labels("section"))[scorer.decision_function(split.test, "section").argmax(axis=1)]


def predict_svc(split):
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2, dtype=np.float32)
    X = vectorizer.fit_transform(map(_page, split.train))
    return LinearSVC(random_state=0).fit(X, split.train_labels).predict(vectorizer.transform(map(_page, split.test)))


def predict_fasttext(split):
    options = tune_fasttext([_page(a) for a in split.train], split.train_labels, split.measure)
    texts = [normalize_text(_page(a)) for a in split.train]
    model = fit_fasttext_at_last(texts, split.train_labels, options)
    return ask_fasttext(model, [normalize_text(_page(a)) for a in split.test])


def tune_fasttext(texts, labels, measure="accuracy"):
    """Choose fastText's settings by `measure` on a fifth of the training articles, or of as many as can be afforded."""
    texts = [normalize_text(text) for text in texts]
    words = np.array([text.count(" ") + 1 for text in texts])
    order = np.random.default_rng(0).permutation(len(texts))
    order = order[np.cumsum(words[order]) <= _FASTTEXT_WORDS]
    inside, outside = order[len(order) // 5 :], order[: len(order) // 5]

    def score(options):
        if options["epoch"] * words[inside].sum() > _FASTTEXT_READ:
            return 0.0
        try:
            model = fit_fasttext([texts[i] for i in inside], labels[inside], options)
        except RuntimeError:  # It diverged.
            return 0.0
        stated = ask_fasttext(model, [texts[i] for i in outside])
        if measure == "accuracy":
            return float(np.mean(stated == labels[outside]))
        return _macro_f1(labels[outside], stated, np.arange(len(outside)))

    best, options = score(_FASTTEXT_START), _FASTTEXT_START
    for step in _FASTTEXT_STEPS * 2:
        tried = [(score(options | change), options | change) for change in step]
        found = max(tried, key=lambda pair: pair[0])
        if found[0] > best:
            best, options = found
    print(f"fastText: {options}", file=sys.stderr, flush=True)
    return options


def fit_fasttext(texts, labels, options):
    """Train from lines of `label text`; labels may be lists of labels."""
    import fasttext

    numbers = {label: i for i, label in enumerate(sorted({x for cell in labels for x in _as_list(cell)}))}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.txt"
        with file.open("w", encoding="utf-8") as lines:
            for text, cell in zip(texts, labels, strict=True):
                lines.write(" ".join(f"__label__{numbers[x]}" for x in _as_list(cell)) + f" {text}\n")
        # One thread, or each run gives another model; as few dimensions as the paper's own classifiers, for speed.
        model = fasttext.train_supervised(str(file), dim=16, bucket=500_000, thread=1, verbose=0, **options)
    return model, {f"__label__{i}": label for label, i in numbers.items()}


def fit_fasttext_at_last(texts, labels, options):
    """Train at half the rate, and half of that, where it diverges on all articles, though it did not on a part of them."""
    try:
        return fit_fasttext(texts, labels, options)
    except RuntimeError:
        if options["lr"] < 0.05:
            raise
        return fit_fasttext_at_last(texts, labels, options | {"lr": options["lr"] / 2})


def ask_fasttext(fitted, texts):
    model, names = fitted
    return np.array([names[model.predict(text)[0][0]] for text in texts])


def _as_list(cell):
    return [cell] if isinstance(cell, str) else cell


def _page(article):
    return f"{article.title}\n{article.text}" if article.title else article.text


def score_split(split, stated):
    """Return part -> (measure, n_articles, value, (low, high))."""
    scores = {}
    for part, rows in split.parts.items():
        gold, predicted = split.test_labels[rows], stated[rows]
        if split.measure == "accuracy":
            right = gold == predicted
            value, interval = float(right.mean()), bootstrap_interval(right)
        else:
            value, interval = _with_interval(partial(_macro_f1, gold, predicted), len(gold))
        scores[part] = (split.measure, len(gold), value, interval)
    return scores


def _macro_f1(gold, predicted, rows):
    """Mean F1 of the labels that the articles of `rows` have, whatever else is stated."""
    hit = gold[rows] == predicted[rows]
    labels = np.unique(gold[rows])
    hits = np.array([hit[gold[rows] == label].sum() for label in labels])
    sizes = np.array([(gold[rows] == label).sum() + (predicted[rows] == label).sum() for label in labels])
    return float(np.mean(2 * hits / sizes))


def _with_interval(measure, n_articles):
    """Return a measure of all articles, and the percentiles of it over resampled articles."""
    rng = np.random.default_rng(0)
    resampled = [measure(rng.integers(n_articles, size=n_articles)) for _ in range(_RESAMPLES)]
    low, high = np.percentile(resampled, (2.5, 97.5))
    return measure(np.arange(n_articles)), (float(low), float(high))


class NewsSet(NamedTuple):
    """Annotated news: labels a task, in the form of `evaluate`."""

    title: str
    articles: list[Article]
    labels: dict[str, list]


def news_sets(mirror):
    """Return the sets that only measure: their files lie in the mirror, beside the archives."""
    folder = Path(mirror)
    development = join_annotations(folder / "labels-dev.csv", mirror=mirror)
    others = read_articles(folder / "dev-other-outlets.parquet")
    france24 = join_annotations(folder / "france24-editor-countries.csv", mirror=mirror)
    return {
        "development": NewsSet("development", development.articles, development.labels),
        "other-outlets": NewsSet("other outlets", others.articles, others.labels),
        "france24": NewsSet("France 24 editors", france24.articles, {"country": france24.labels["country"]}),
    }


def score_news(news, predictions):
    """Score a model's predictions; as `score_codes`, and the calibration error."""
    stated = {task: [[label.code for label in p[task]] for p in predictions] for task in news.labels}
    scores = score_codes(news, stated)
    for task, result in evaluate(predictions, news.labels).tasks.items():
        if task in news.labels and result.calibration_error is not None:
            row = f"{news.title}: {task}, calibration error"
            scores[row] = ("calibration error", result.n_articles, result.calibration_error, None)
    return scores


def score_codes(news, stated):
    """Return row -> (measure, n_articles, value, (low, high)); `stated` holds, a task, the codes of each article."""
    scores = {}
    gold = _with_regions(news.labels)
    stated = _with_regions(stated)
    for task, column in gold.items():
        pairs = [(cell, codes) for cell, codes in zip(column, stated[task], strict=True) if cell is not None]
        for name, values in _news_values(task, pairs).items():
            if len(values):
                value, interval = _with_interval(partial(_ratio, values), len(values))
                scores[f"{news.title}: {task}, {name}"] = (name, len(values), value, interval)
    return scores


def _with_regions(labels):
    regions = [None if codes is None else list(regions_of(codes)) for codes in labels["country"]]
    return labels | {"region": regions}


def _news_values(task, pairs):
    """Return, a measure, numerator and denominator of each article."""
    values = {"micro-F1": [(2 * len({*g} & {*s}), len(g) + len(s)) for g, s in pairs]}
    if task == "topic":
        values["accuracy"] = [(g[:1] == s[:1], 1) for g, s in pairs]
    if task == "country":
        values["top in gold"] = [(bool(s) and s[0] in g, 1) for g, s in pairs if g]
        values["none recall"] = [(not s, 1) for g, s in pairs if not g]
    return {name: np.array(column, dtype=np.float64) for name, column in values.items()}


def _ratio(values, rows):
    hits, of = values[rows].sum(axis=0)
    return float(hits / max(of, 1))


class Peers:
    """LinearSVC and fastText trained on the articles of the shipped model, without its zones and places."""

    def __init__(self, mirror, leave_out):
        from train_shipped import load as load_training

        corpus = load_training(mirror, leave_out)
        self.articles, self.labels = corpus.articles, corpus.labels

    def svc(self, news):
        """Return task -> labels of each article; countries where the score is above 0."""
        vectorizer = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2, dtype=np.float32
        )
        X = vectorizer.fit_transform(map(_page, self.articles))
        tests = {name: vectorizer.transform(map(_page, n.articles)) for name, n in news.items()}
        topics = LinearSVC(random_state=0).fit(X, [cell[0] for cell in self.labels["topic"]])
        stated = {name: {"topic": [[label] for label in topics.predict(T)]} for name, T in tests.items()}
        binarizer = MultiLabelBinarizer()
        Y = binarizer.fit_transform(self.labels["country"])
        scores = {name: np.full((T.shape[0], Y.shape[1]), -1.0) for name, T in tests.items()}
        for k in np.flatnonzero(Y.sum(axis=0) >= 5):
            head = LinearSVC(random_state=0).fit(X, Y[:, k])
            for name, T in tests.items():
                scores[name][:, k] = head.decision_function(T)
        for name, rows in scores.items():
            stated[name]["country"] = [
                [str(binarizer.classes_[k]) for k in np.argsort(-row) if row[k] > 0] for row in rows
            ]
        return stated

    def fasttext(self, news):
        """Return task -> labels of each article; countries, a head each, from probability 0.5 on."""
        texts = [normalize_text(_page(a)) for a in self.articles]
        first = np.array([cell[0] for cell in self.labels["topic"]])
        options = tune_fasttext([_page(a) for a in self.articles], first)
        topics = fit_fasttext_at_last(texts, first, options)
        named = [[*cell] or ["-"] for cell in self.labels["country"]]
        model, names = fit_fasttext_at_last(texts, named, options | {"loss": "ova"})
        stated = {}
        for name, n in news.items():
            pages = [normalize_text(_page(a)) for a in n.articles]
            found = [[names[label] for label in model.predict(page, k=-1, threshold=0.5)[0]] for page in pages]
            countries = [[code for code in codes if code != "-"] for codes in found]
            stated[name] = {"topic": [[t] for t in ask_fasttext(topics, pages)], "country": countries}
        return stated


class Results:
    """Scores by row and system, kept in a JSON file after each step."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else {}

    def add(self, set_name, system, scores, *, key="", seconds=None):
        """Put in the scores of one system, and write the file."""
        for row, (measure, n_articles, value, interval) in scores.items():
            entry = self.rows.setdefault(row, {"set": set_name, "measure": measure, "n_articles": n_articles})
            entry.setdefault("systems", {})[system] = {
                "value": value,
                "interval": interval,
                "key": key,
                "seconds": seconds,
            }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"machine": machine(), "rows": self.rows}, ensure_ascii=False, indent=1)
        self.path.write_text(text + "\n", encoding="utf-8")

    def has(self, set_name, system, key):
        """Say whether a peer was scored on the same data before."""
        return any(
            entry["set"] == set_name and entry["systems"].get(system, {}).get("key") == key
            for entry in self.rows.values()
        )

    def table(self):
        """Return a row for each set and measure, a column for each system."""
        table = Table(title="Accuracy, with 95% bootstrap intervals")
        table.add_column("set")
        table.add_column("measure")
        table.add_column("n", justify="right")
        systems = list(dict.fromkeys(s for entry in self.rows.values() for s in entry["systems"]))
        for system in systems:
            table.add_column(system, justify="right")
        for row, entry in self.rows.items():
            cells = [_cell(entry["systems"].get(system)) for system in systems]
            table.add_row(row, entry["measure"], f"{entry['n_articles']:,}", *cells)
        return table


def _cell(score):
    if score is None:
        return ""
    if score["interval"] is None:
        return f"{score['value']:.3f}"
    low, high = score["interval"]
    return f"{score['value']:.3f} ({low:.3f}-{high:.3f})"


def run_sections(name, options, results):
    """Score all systems on one set of sections."""
    split = SPLITS[name](options.mirror)
    key = _fingerprint(split.train + split.test, [*split.train_labels, *split.test_labels])
    systems: dict[str, Callable] = {OURS: partial(predict_ours, name)}
    if options.peers:
        systems |= {SVC: predict_svc, FASTTEXT: predict_fasttext}
    if name == "sib-200":
        every = {a.lang for a in load("sib-200", options.mirror)}
        systems[f"{OURS}, nine varieties"] = lambda _: predict_ours(name, sib200(options.mirror, every))
    for system, predict in systems.items():
        if system in (SVC, FASTTEXT) and results.has(name, system, key):
            continue
        started = time.process_time()
        stated = predict(split)
        seconds = round(time.process_time() - started, 1)
        scores = score_split(split, stated)
        results.add(name, system, scores, key=key, seconds=seconds)
        shown = ", ".join(f"{row} {value:.3f}" for row, (_, _, value, _) in scores.items())
        print(f"{name}, {system}: {shown}; {seconds:.0f} s", file=sys.stderr, flush=True)


def run_news(names, options, results):
    """Score a model folder, and the peers on the training articles of the shipped model."""
    sets = news_sets(options.mirror)
    sets = {name: sets[name] for name in names}
    if options.model:
        predictor = Predictor.load(options.model)
        for name, news in sets.items():
            results.add(name, OURS, score_news(news, predictor.predict(news.articles)))
    if not options.peers:
        return
    peers = None
    for system, method in ((SVC, "svc"), (FASTTEXT, "fasttext")):
        left = {n: s for n, s in sets.items() if not results.has(n, system, _fingerprint(s.articles, []))}
        if not left:
            continue
        peers = peers or Peers(options.mirror, Path(options.mirror) / "france24-editor-countries.csv")
        for name, stated in getattr(peers, method)(left).items():
            scores = score_codes(sets[name], stated)
            results.add(name, system, scores, key=_fingerprint(sets[name].articles, []))


def _fingerprint(articles: Sequence[Article], labels: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for part in [x for a in articles for x in (a.title, a.text)] + [str(label) for label in labels]:
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror", required=True, help="folder with the archives, and with the measuring files")
    parser.add_argument(
        "--sets",
        nargs="+",
        choices=ONE_LABEL_SETS + NEWS_SETS,
        metavar="SET",
        help=f"of {', '.join(ONE_LABEL_SETS + NEWS_SETS)}; all by default",
    )
    parser.add_argument("--peers", action="store_true", help="score LinearSVC and fastText too (fasttext-numpy2-wheel)")
    parser.add_argument("--model", type=Path, help="model folder to score on the annotated news")
    parser.add_argument("--output", type=Path, default=Path("build/accuracy.json"))
    options = parser.parse_args()
    results = Results(options.output)
    names = options.sets or ONE_LABEL_SETS + NEWS_SETS
    for name in names:
        if name in ONE_LABEL_SETS:
            run_sections(name, options, results)
    news = [name for name in names if name in NEWS_SETS]
    if news and (options.model or options.peers):
        run_news(news, options, results)
    Console(width=150).print(results.table())


if __name__ == "__main__":
    main()
