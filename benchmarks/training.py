"""Training: seconds, peak memory and accuracy of each system; and heads alone against one-vs-rest `LinearSVC`.

    python benchmarks/training.py --mirror DIR-or-URL [--articles 24000] [--runs 3] [--peers]
    python benchmarks/training.py --mirror DIR-or-URL --heads 100 [--runs 3]

The first: the sections of ANT v2.1 (6 labels), raw texts to a model, one thread, each run in a process of its own,
systems taking turns; accuracy on the articles that are left. Ours fits calibration and thresholds on 5 folds too. Memory
is the highest resident set, in all and beyond what the process held with libraries and texts loaded. --peers adds
`HashingVectorizer` + `SGDClassifier` and fastText to `TfidfVectorizer` + `LinearSVC`.

The second: the most frequent countries of the annotated articles, one problem each, over the same matrix of features.
"""

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

import numpy as np
from common import machine, resident, sectioned
from peers import OURS, PEERS, TFIDF, seconds, system
from rich.console import Console
from rich.table import Table

ANNOTATIONS = Path(__file__).parent.parent / "datasets/annotations/labels.csv"


def measure(name, file):
    """Train one system in this process; print seconds, accuracy and memory."""
    with Path(file).open("rb") as pickled:
        (articles, labels), (others, gold) = pickle.load(pickled)
    warm, peer = system(name), system(name)
    warm.fit(warm.prepare(articles[:200]), labels[:200])
    warm.predict(warm.prepare(others[:50]))
    texts = peer.prepare(articles)
    before, start = resident(), time.perf_counter()
    peer.fit(texts, labels)
    elapsed, memory = time.perf_counter() - start, resident()
    right = np.mean([a == b for a, b in zip(peer.predict(peer.prepare(others)), gold, strict=True)])
    print(json.dumps([elapsed, float(right), memory, memory - before]))


def report_training(mirror, n_articles, names, n_runs):
    corpus = sectioned("ant-v2", mirror)
    order = np.random.default_rng(0).permutation(len(corpus))
    parts = [([corpus[i][:2] for i in rows], [corpus[i][2] for i in rows]) for rows in np.split(order, [n_articles])]
    results = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "articles.pickle"
        file.write_bytes(pickle.dumps(parts))
        for _ in range(n_runs):
            for name in names:
                command = [sys.executable, __file__, "--measure", name, str(file)]
                run = subprocess.run(command, check=True, capture_output=True, text=True)
                results[name].append(json.loads(run.stdout.splitlines()[-1]))
    medians = {name: [median(column) for column in zip(*runs, strict=True)] for name, runs in results.items()}
    table = Table(title=f"Training on {n_articles:,} articles; accuracy on {len(parts[1][0]):,} others")
    for title in ("", "seconds", "x ours", "accuracy", "peak MB", "x ours", "beyond libraries and texts"):
        table.add_column(title, justify="right")
    own = medians[OURS]
    for name, (elapsed, right, memory, more) in medians.items():
        ratios = f"{elapsed / own[0]:.1f}", f"{memory / own[2]:.2f}"
        table.add_row(name, f"{elapsed:.1f}", ratios[0], f"{right:.4f}", f"{memory:,.0f}", ratios[1], f"{more:,.0f}")
    return table


def report_heads(mirror, n_labels, n_runs):
    from sklearn.svm import LinearSVC

    from classifier.corpora import join_annotations
    from classifier.features import CharNgramTfidf
    from classifier.solver import fit_heads

    data = join_annotations(ANNOTATIONS, split="train", mirror=mirror)
    cells = data.labels["country"]
    countries = [c for c, _ in Counter(c for cell in cells for c in cell).most_common(n_labels)]
    Y = np.array([[1 if c in cell else -1 for c in countries] for cell in cells], dtype=np.int8)
    texts = [f"{a.title}\n{a.text}" for a in data.articles]
    X = CharNgramTfidf(min_df=2, sublinear_tf=True).fit_transform(texts)
    inside = np.random.default_rng(0).random(len(Y)) < 0.8
    train, test, found = X[inside], X[~inside], {}

    def ours():
        coef, intercept = fit_heads(train, Y[inside])
        found["ours"] = test @ coef + intercept > 0

    def theirs():
        columns = [
            LinearSVC(random_state=0).fit(train, Y[inside, k]).decision_function(test) > 0 for k in range(n_labels)
        ]
        found["LinearSVC"] = np.column_stack(columns)

    ours()
    runs = [(seconds(theirs), seconds(ours)) for _ in range(n_runs)]
    svc, own = (median(column) for column in zip(*runs, strict=True))
    truth = Y[~inside] > 0
    f1 = {name: 2 * (stated & truth).sum() / (stated.sum() + truth.sum()) for name, stated in found.items()}
    agree = (found["ours"] == found["LinearSVC"]).mean()
    table = Table(title=f"{n_labels} heads, {train.shape[0]:,} articles, {train.shape[1]:,} features, one thread")
    for title in ("", "seconds", "ratio", "micro-F1"):
        table.add_column(title, justify="right")
    table.add_row("LinearSVC, one vs rest", f"{svc:.1f}", f"{svc / own:.1f}", f"{f1['LinearSVC']:.4f}")
    table.add_row("fit_heads", f"{own:.2f}", "1", f"{f1['ours']:.4f}")
    table.caption = f"{agree:.2%} of decisions are the same"
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror", help="folder or address that holds the archives")
    parser.add_argument("--articles", type=int, default=24_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="all systems")
    parser.add_argument("--heads", type=int, default=0, help="so many heads over one matrix instead")
    parser.add_argument("--measure", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    console = Console(width=120)
    console.print(machine())
    if options.heads:
        console.print(report_heads(options.mirror, options.heads, options.runs))
        return
    names = (OURS, *(PEERS if options.peers else (TFIDF,)))
    console.print(report_training(options.mirror, options.articles, names, options.runs))
    console.print(f"Medians of {options.runs} runs, one thread.")


if __name__ == "__main__":
    main()
