"""From raw text to labels: this project against scikit-learn's pipeline, one thread each, in one run.

    python benchmarks/prediction.py --mirror DIR-or-URL [--articles 2000] [--runs 5] [--shipped]

The peer is `TfidfVectorizer(char_wb, (2, 5))` and `LinearSVC`, ours the preset `char` with the same n-grams, both
trained on the sections of ANT v2.1 articles; they label other articles. The clock starts at the raw strings and ends at
the labels; both take turns; the table has medians. --shipped adds the shipped model (topics, countries, regions).
"""

import argparse
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median

import joblib
from common import machine
from rich.console import Console
from rich.table import Table

from classifier import Article, NewsClassifier, Predictor
from classifier.corpora import load
from classifier.persistence import save_scorer

START = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
OURS = "from classifier import Predictor; Predictor.load({!r}).predict([{!r}])"
THEIRS = "import joblib; joblib.load({!r}).predict([{!r}])"


def articles(mirror, n):
    """Return `n` articles with the section of each."""
    return list(islice((a for a in load("ant-v2", mirror) if a.text and a.section), n))


def peer():
    """Return the untrained pipeline of the peer."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    return make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2), LinearSVC())


def seconds(function, *args):
    """Return how long a call takes."""
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


def take_turns(calls, n_runs):
    """Return the median seconds of each call, a warm-up first."""
    times = {name: [] for name in calls}
    for run in range(n_runs + 1):
        for name, call in calls.items():
            elapsed = seconds(call)
            if run:
                times[name].append(elapsed)
    return {name: median(values) for name, values in times.items()}


def start_seconds(command, n_runs):
    """Return the median seconds from a fresh interpreter to the first label."""
    run = [sys.executable, "-c", START.format(command)]
    outputs = [subprocess.run(run, check=True, capture_output=True, text=True).stdout for _ in range(n_runs + 1)]
    return median(float(output) for output in outputs[1:])


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror", required=True)
    parser.add_argument("--articles", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--shipped", action="store_true")
    args = parser.parse_args()
    corpus = articles(args.mirror, 3 * args.articles)
    training, test = corpus[: 2 * args.articles], corpus[2 * args.articles :]
    pages = [Article(a.text, a.title) for a in training]
    texts, sections = [f"{a.title}\n{a.text}" for a in training], [a.section for a in training]
    ours, theirs = NewsClassifier(preset="char"), peer()
    rows = [("train", seconds(theirs.fit, texts, sections), seconds(ours.fit, pages, {"section": sections}))]
    raw, asked = [f"{a.title}\n{a.text}" for a in test], [Article(a.text, a.title) for a in test]
    calls = {"theirs": lambda: theirs.predict(raw), "ours": lambda: ours.predict(asked)}
    ours.n_jobs = 1
    if args.shipped:
        shipped = Predictor.load(n_jobs=1)
        calls["shipped"] = lambda: shipped.predict(asked)
    times = take_turns(calls, args.runs)
    rows.append(("predict", times["theirs"], times["ours"]))
    if args.shipped:
        rows.append(("predict, shipped model", times["theirs"], times["shipped"]))
    with tempfile.TemporaryDirectory() as folder:
        save_scorer(ours.scorer_, Path(folder) / "ours", card="")
        joblib.dump(theirs, Path(folder) / "theirs.joblib")
        theirs_start = start_seconds(THEIRS.format(f"{folder}/theirs.joblib", raw[0]), args.runs)
        rows.append(
            ("import, load, first label", theirs_start, start_seconds(OURS.format(f"{folder}/ours", raw[0]), args.runs))
        )
        if args.shipped:
            shipped_start = start_seconds(
                f"from classifier import Predictor; Predictor.load().predict([{raw[0]!r}])", args.runs
            )
            rows.append(("the same, shipped model", theirs_start, shipped_start))
    table = Table(title=f"{len(test):,} articles, {sum(map(len, raw)) / len(raw):,.0f} characters each")
    for title in ("seconds", "TfidfVectorizer + LinearSVC", "this project", "ratio"):
        table.add_column(title, justify="right")
    for name, peer_seconds, our_seconds in rows:
        table.add_row(name, f"{peer_seconds:.3f}", f"{our_seconds:.3f}", f"{peer_seconds / our_seconds:.1f}")
    console = Console(width=100)
    console.print(machine())
    console.print(table)


if __name__ == "__main__":
    main()
