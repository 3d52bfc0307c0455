"""Train the model that the package ships: `python benchmarks/train_shipped.py --mirror DIR`.

Reads the public corpora (fetched, or from a mirror), joins the project's training annotations, adds the starter
corpus, and writes `classifier/shipped/`. The development annotations and whatever repeats one of their articles are
left out, and so are the articles of the file given with --leave-out (ids in its first column).
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from classifier.article import Article
from classifier.card import model_card
from classifier.config import Config
from classifier.corpora import join_annotations
from classifier.data import read_articles
from classifier.evaluate import evaluate
from classifier.normalize import normalize_text
from classifier.persistence import save_scorer
from classifier.scorer import Scorer
from classifier.training import train

ROOT = Path(__file__).parents[1]
ANNOTATIONS = ROOT / "datasets" / "annotations"
UNCERTAIN_WEIGHT = 0.5
"""Of articles labelled because a model was unsure of them: docs/experiments.md."""
TASKS = {"topic": "topics", "country": "countries"}
SOURCES = [
    (
        "ANT v2.1 (Chouigui, Ben Khiroun, Elayeb, Arabian Journal for Science and Engineering 2021, "
        "doi 10.1007/s13369-020-05258-z; Apache-2.0): {ant} articles of five outlets, 2018"
    ),
    "ANT v1.1 (Chouigui et al., AICCSA 2017): {jawhara} articles of a Tunisian radio, 2015-2017",
    (
        "SANAD, AlKhaleej (Einea, Elnagar, Al Debsi, Data in Brief 2019, Mendeley Data 57zpx667y9; CC BY 4.0): "
        "{khaleej} articles"
    ),
    "the project's own annotations of these articles, training split (datasets/annotations, CC BY 4.0)",
    "the project's starter corpus (datasets/starter, CC BY 4.0): {starter} articles",
    "the project's lexicon of words that speak for topics (docs/lexicon.md)",
    "the project's gazetteer (datasets/gazetteer), with names from GeoNames (CC BY 4.0) and Unicode CLDR",
]
NOTES = """## Limits

- The scores above are of the 500 development annotations: articles of 2018 of outlets that the model was trained on.
  They were looked at while the model was made.
- Written Modern Standard Arabic news; not dialect, not social media posts.
- Labels of one kind of reader by the scheme of the project: consistent, not the only right ones.
- Real articles of training are of 2015-2018; people and places in the news since then are known to the gazetteer and
  to the starter corpus only.
- A probability is calibrated on held-out outlets of the training data; on other text it is a hint.
"""


class Corpus(NamedTuple):
    """Articles, labels a task; of each article the outlet, the weight, whether a labeller of reference read it."""

    articles: list[Article]
    labels: dict[str, list]
    outlets: list[str]
    weights: np.ndarray
    is_reference: np.ndarray

    def take(self, rows: np.ndarray) -> Corpus:
        """Return some of the articles."""
        labels = {task: [column[i] for i in rows] for task, column in self.labels.items()}
        articles, outlets = ([column[i] for i in rows] for column in (self.articles, self.outlets))
        return Corpus(articles, labels, outlets, self.weights[rows].copy(), self.is_reference[rows].copy())


def load(mirror: str | None, leave_out: Path | None) -> Corpus:
    """Return the articles to train on."""
    joined = join_annotations(ANNOTATIONS, split="train", mirror=mirror)
    outlets = [_outlet(a.id or "") for a in joined.articles]
    uncertain, reference = (_ids(ANNOTATIONS / name) for name in ("labels-uncertain.csv", "labels.csv"))
    weights = np.array([UNCERTAIN_WEIGHT if a.id in uncertain else 1 for a in joined.articles], dtype=np.float32)
    is_reference = np.array([a.id in reference for a in joined.articles])
    real = Corpus(joined.articles, joined.labels, outlets, weights, is_reference)
    measured = join_annotations(ANNOTATIONS / "labels.csv", split="dev", mirror=mirror).articles
    banned, seen = _ids(leave_out), {_fingerprint(a) for a in measured}
    keep = [i for i, a in enumerate(real.articles) if a.id not in banned and _fingerprint(a) not in seen]
    real = real.take(np.array(keep))
    starter = read_articles(ROOT / "datasets" / "starter" / "articles.jsonl", task_columns=TASKS)
    articles = real.articles + starter.articles
    labels = {task: real.labels[task] + starter.labels[task] for task in TASKS}
    n = len(starter)
    weights = np.concatenate([real.weights, np.ones(n, dtype=np.float32)])
    is_reference = np.concatenate([real.is_reference, np.zeros(n, dtype=np.bool_)])
    return Corpus(articles, labels, [_outlet(a.id or "") for a in articles], weights, is_reference)


def _ids(path: Path | None) -> set[str]:
    if path is None:
        return set()
    with path.open(encoding="utf-8", newline="") as file:
        return {row[0] for row in csv.reader(file) if row}


def _fingerprint(article: Article) -> str:
    return normalize_text(f"{article.title} {article.text[:300]}")[:200]


def _outlet(id_: str) -> str:
    return id_.split("/")[0] if "/" in id_ else id_.split("-")[0]


def held_out_by_outlet(corpus: Corpus, config: Config) -> None:
    """Score each outlet by a model that saw the others only."""
    predictions = [None] * len(corpus.articles)
    names = np.array(corpus.outlets)
    for outlet in sorted(set(corpus.outlets)):
        outside = np.flatnonzero(names == outlet)
        held_out = corpus.take(outside)
        scorer = fit(corpus.take(np.flatnonzero(names != outlet)), config)
        for i, prediction in zip(outside, scorer.predict(held_out.articles), strict=True):
            predictions[i] = prediction
        print_scores(outlet, [predictions[i] for i in outside], held_out.labels)
    print_scores("all", predictions, corpus.labels)


def fit(corpus: Corpus, config: Config) -> Scorer:
    """Train on a corpus; the labellers of all other articles gave fewer second topics than will be asked for."""
    return train(
        corpus.articles,
        corpus.labels,
        config,
        groups=corpus.outlets,
        sample_weight=corpus.weights,
        calibrate_on={"topic": corpus.is_reference},
    )


def print_scores(name: str, predictions: list, labels: dict) -> None:
    """Print one line of the key figures."""
    tasks = evaluate(predictions, labels).tasks
    topic, country = tasks["topic"], tasks["country"]
    print(
        f"{name:12s} topic accuracy {topic.primary_accuracy:.3f} micro-F1 {topic.micro_f1:.3f}  "
        f"countries micro-F1 {country.micro_f1:.3f} top in gold {country.top_in_gold:.3f} "
        f"none {country.none_recall if country.none_recall is not None else float('nan'):.3f}",
        flush=True,
    )


def main() -> None:
    """Train, score by outlet if asked, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mirror", help="folder or address with the archives; without it they are fetched")
    parser.add_argument("--leave-out", type=Path, help="CSV whose first column lists ids not to train on")
    parser.add_argument("--output", type=Path, default=ROOT / "classifier" / "shipped")
    parser.add_argument("--config", type=Path, help="TOML file; without it the preset of the shipped model")
    parser.add_argument("--by-outlet", action="store_true", help="only score each outlet by a model of the others")
    args = parser.parse_args()
    config = Config.from_file(args.config) if args.config else Config.from_preset("shipped")
    corpus = load(args.mirror, args.leave_out)
    print(f"{len(corpus.articles)} articles", file=sys.stderr)
    if args.by_outlet:
        held_out_by_outlet(corpus, config)
        return
    scorer = fit(corpus, config)
    names = {"jawhara": "JA", "khaleej": "khaleej", "starter": "starter"}
    sizes = {name: corpus.outlets.count(outlet) for name, outlet in names.items()}
    sizes["ant"] = len(corpus.articles) - sum(sizes.values())
    measured = join_annotations(ANNOTATIONS / "labels.csv", split="dev", mirror=args.mirror)
    card = model_card(
        scorer,
        sources=[source.format(**sizes) for source in SOURCES],
        evaluation=evaluate(scorer.predict(measured.articles), {task: measured.labels[task] for task in TASKS}),
        command="python benchmarks/train_shipped.py",
        notes=NOTES,
    )
    save_scorer(scorer, args.output, card=card)


if __name__ == "__main__":
    main()
