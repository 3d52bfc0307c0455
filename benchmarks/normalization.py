"""Measure what each fold of `normalize_text` is worth for the topic of a news article.

    python benchmarks/normalization.py --mirror DIR-or-URL [--labels datasets/annotations/labels.csv] [--articles 5000]

Cross-validates a linear SVM over character 2-5-grams of title and first 1,000 characters, each time with one option
switched from its default. Articles of an outlet are never on both sides of a split, and each outlet counts the same:
the score is the mean accuracy over outlets. The effect of a fold is the score with it less the score without it, in
points; beside it the bounds of a 95% bootstrap interval (of the difference article by article, outlets as they are).
"""

import argparse
from dataclasses import fields, replace

import numpy as np
from common import machine
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from classifier.corpora import join_annotations
from classifier.features import CharNgramTfidf
from classifier.normalize import DEFAULT_OPTIONS

N_RESAMPLES = 2000
N_SPLITS = 5
LEAD_CHARACTERS = 1000


def labelled_articles(labels, mirror, n_articles, seed=0):
    """Return texts, primary topics and outlets of a random sample of the articles that have a topic."""
    found = join_annotations(labels, split="train", mirror=mirror)
    rows = [
        (f"{article.title}\n{article.text[:LEAD_CHARACTERS]}", topics[0], article.id.split("/")[0].split("-")[0])
        for article, topics in zip(found.articles, found.labels["topic"], strict=True)
        if topics
    ]
    order = np.random.default_rng(seed).permutation(len(rows))[:n_articles]
    texts, topics, outlets = zip(*(rows[i] for i in order), strict=True)
    return list(texts), np.array(topics), np.array(outlets)


def hits(options, texts, topics, outlets):
    """Return for each article whether a model that never saw its outlet is right about it."""
    right = np.zeros(len(texts), dtype=bool)
    for train, test in GroupKFold(N_SPLITS).split(texts, topics, outlets):
        vectorizer = CharNgramTfidf(sublinear_tf=True, min_df=2, normalization=options)
        model = make_pipeline(vectorizer, LinearSVC(tol=0.01, random_state=0))
        model.fit([texts[i] for i in train], topics[train])
        right[test] = model.predict([texts[i] for i in test]) == topics[test]
    return right


def mean_over_outlets(values, outlets):
    return float(np.mean([values[outlets == outlet].mean() for outlet in np.unique(outlets)]))


def interval(difference, outlets, seed=0):
    """Return the 95% bootstrap interval of the mean over outlets."""
    random = np.random.default_rng(seed)
    means = np.zeros(N_RESAMPLES)
    for outlet in np.unique(outlets):
        values = difference[outlets == outlet]
        means += random.choice(values, (N_RESAMPLES, len(values))).mean(axis=1)
    return np.quantile(means / len(np.unique(outlets)), [0.025, 0.975])


def switched(name):
    """Return the options with one of them switched, and whether the default makes the fold."""
    value = getattr(DEFAULT_OPTIONS, name)
    if name == "punctuation":
        return replace(DEFAULT_OPTIONS, punctuation="keep" if value == "boundary" else "boundary"), value == "boundary"
    return replace(DEFAULT_OPTIONS, **{name: not value}), value


def report(texts, topics, outlets):
    default = hits(DEFAULT_OPTIONS, texts, topics, outlets)
    score = mean_over_outlets(default, outlets)
    table = Table(title=f"{len(texts):,} articles, {len(set(outlets))} outlets; accuracy of the defaults {score:.3f}")
    for title in ("option", "default", "effect of the fold, points", "from", "to"):
        table.add_column(title, justify="right")
    for field in fields(DEFAULT_OPTIONS):
        options, made = switched(field.name)
        other = hits(options, texts, topics, outlets)
        difference = (default.astype(float) - other) * (1 if made else -1) * 100
        low, high = interval(difference, outlets)
        effect = mean_over_outlets(difference, outlets)
        default_value = str(getattr(DEFAULT_OPTIONS, field.name))
        table.add_row(field.name, default_value, f"{effect:+.2f}", f"{low:+.2f}", f"{high:+.2f}")
    console = Console(width=100)
    console.print(machine())
    console.print(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror", help="folder or address that holds the archives")
    parser.add_argument("--labels", default="datasets/annotations", help="annotations: id, topics, split")
    parser.add_argument("--articles", type=int, default=5000)
    options = parser.parse_args()
    report(*labelled_articles(options.labels, options.mirror, options.articles))


if __name__ == "__main__":
    main()
