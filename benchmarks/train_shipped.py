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
TASKS = {"topic": "topics", "country": "countries"}
SOURCES = [
    "ANT v2.1 (Chouigui, Ben Khiroun, Elayeb, Arabian Journal for Science and Engineering 2021, "
    "doi 10.1007/s13369-020-05258-z; Apache-2.0): {ant} articles of five outlets, 2018",
    "ANT v1.1 (Chouigui et al., AICCSA 2017): {jawhara} articles of a Tunisian radio, 2015-2017",
    "SANAD, AlKhaleej (Einea, Elnagar, Al Debsi, Data in Brief 2019, Mendeley Data 57zpx667y9; CC BY 4.0): "
    "{khaleej} articles",
    "the project's own annotations of these articles, training split (datasets/annotations, CC BY 4.0)",
    "the project's starter corpus (datasets/starter, CC BY 4.0): {starter} articles",
    "the project's gazetteer (datasets/gazetteer), with names from GeoNames (CC BY 4.0) and Unicode CLDR",
]
NOTES = """## Limits

- Written Modern Standard Arabic news; not dialect, not social media posts.
- Labels of one kind of reader by the scheme of the project: consistent, not the only right ones.
- Real articles of training are of 2015-2018; people and places in the news since then are known to the gazetteer and
  to the starter corpus only.
- A probability is calibrated on held-out outlets of the training data; on other text it is a hint.
"""


def load(mirror: str | None, leave_out: Path | None) -> tuple[list[Article], dict[str, list], list[str]]:
    """Return articles, labels a task, and the outlet of each article."""
    annotations = ROOT / "datasets" / "annotations" / "labels.csv"
    real = join_annotations(annotations, split="train", mirror=mirror)
    measured = join_annotations(annotations, split="dev", mirror=mirror).articles
    banned = _ids(leave_out)
    seen = {_fingerprint(a) for a in measured}
    starter = read_articles(ROOT / "datasets" / "starter" / "articles.jsonl", task_columns=TASKS)
    keep = [i for i, a in enumerate(real.articles) if a.id not in banned and _fingerprint(a) not in seen]
    articles = [real.articles[i] for i in keep] + starter.articles
    labels = {task: [real.labels[task][i] for i in keep] + starter.labels[task] for task in TASKS}
    outlets = [_outlet(a.id or "") for a in articles]
    return articles, labels, outlets


def _ids(path: Path | None) -> set[str]:
    if path is None:
        return set()
    with path.open(encoding="utf-8", newline="") as file:
        return {row[0] for row in csv.reader(file) if row}


def _fingerprint(article: Article) -> str:
    return normalize_text(f"{article.title} {article.text[:300]}")[:200]


def _outlet(id_: str) -> str:
    return id_.split("/")[0] if "/" in id_ else id_.split("-")[0]


def held_out_by_outlet(articles: list[Article], labels: dict[str, list], outlets: list[str], config: Config) -> dict:
    """Score each outlet by a model that saw the others only; returns the evaluation of all together."""
    predictions = [None] * len(articles)
    names = np.array(outlets)
    for outlet in sorted(set(outlets)):
        inside, outside = np.flatnonzero(names != outlet), np.flatnonzero(names == outlet)
        scorer = fit(articles, labels, outlets, config, inside)
        for i, prediction in zip(outside, scorer.predict([articles[i] for i in outside]), strict=True):
            predictions[i] = prediction
        print_scores(outlet, [predictions[i] for i in outside], {t: [c[i] for i in outside] for t, c in labels.items()})
    print_scores("all", predictions, labels)
    return evaluate(predictions, labels)


def fit(articles: list, labels: dict, outlets: list, config: Config, rows: np.ndarray) -> Scorer:
    """Train on some of the articles."""
    columns = {task: [column[i] for i in rows] for task, column in labels.items()}
    return train([articles[i] for i in rows], columns, config, groups=[outlets[i] for i in rows])


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
    articles, labels, outlets = load(args.mirror, args.leave_out)
    print(f"{len(articles)} articles", file=sys.stderr)
    if args.by_outlet:
        held_out_by_outlet(articles, labels, outlets, config)
        return
    scorer = fit(articles, labels, outlets, config, np.arange(len(articles)))
    counts = {name: outlets.count(name) for name in set(outlets)}
    sizes = {"jawhara": counts.get("JA", 0), "khaleej": counts.get("khaleej", 0), "starter": counts.get("starter", 0)}
    sizes["ant"] = len(articles) - sum(sizes.values())
    card = model_card(
        scorer,
        sources=[source.format(**sizes) for source in SOURCES],
        evaluation=None,
        command="python benchmarks/train_shipped.py",
        notes=NOTES,
    )
    save_scorer(scorer, args.output, card=card)


if __name__ == "__main__":
    main()
