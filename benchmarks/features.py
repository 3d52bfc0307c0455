"""Compare `CharNgramTfidf` with scikit-learn's `TfidfVectorizer`: the same matrix, how fast, in how much memory.

    python benchmarks/features.py --mirror DIR-or-URL [--articles 3000] [--runs 5]

One thread. Both take turns; the table has medians. Our clock includes normalization, scikit-learn's does not: it gets
texts that are normalized already. Every transform starts without any word in its cache. Memory: the highest resident
set of a process of its own that fits and transforms, in all and beyond what it held with libraries and texts loaded.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from common import article_texts, machine, resident
from rich.console import Console
from rich.table import Table

from classifier.normalize import normalize_text

NGRAM_RANGE = (2, 5)
OURS, THEIRS = "CharNgramTfidf", "TfidfVectorizer"


def vectorizer(name):
    if name == OURS:
        from classifier.features import CharNgramTfidf

        return CharNgramTfidf(ngram_range=NGRAM_RANGE)
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(analyzer="char_wb", lowercase=False, ngram_range=NGRAM_RANGE)


def seconds(function, *args):
    """Return what a call gives and how long it takes."""
    start = time.perf_counter()
    result = function(*args)
    return result, time.perf_counter() - start


def check_equal(texts):
    """Stop unless both give the same matrix."""
    ours, theirs = (vectorizer(name).fit_transform(texts[name]) for name in (OURS, THEIRS))
    theirs.sort_indices()
    np.testing.assert_array_equal(ours.indptr, theirs.indptr)
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-5)
    return ours.shape, ours.nnz


def time_both(texts, n_runs):
    """Return the seconds of each step of each vectorizer, a run each, taking turns."""
    times = {(name, step): [] for name in (OURS, THEIRS) for step in ("fit", "transform")}
    for _ in range(n_runs):
        for name in (OURS, THEIRS):
            fitted, fit = seconds(vectorizer(name).fit, texts[name])
            _, transform = seconds(fitted.transform, texts[name])
            times[name, "fit"].append(fit)
            times[name, "transform"].append(transform)
    return {key: median(values) for key, values in times.items()}


def peak_memory(name, texts):
    """Return the MB of a fresh process: in all, and beyond libraries and texts."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.txt"
        file.write_text("\n".join(" ".join(text.split()) for text in texts[name]), encoding="utf-8")
        command = [sys.executable, __file__, "--measure", name, str(file)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(name, file):
    """Fit and transform; print this process's memory."""
    with Path(file).open(encoding="utf-8") as lines:
        texts = list(lines)
    vectorizer(name).fit_transform(texts[:2])
    before = resident()
    vectorizer(name).fit(texts).transform(texts)
    print(json.dumps([resident(), resident() - before]))


def report(texts, n_runs):
    (n_articles, n_ngrams), n_values = check_equal(texts)
    times = time_both(texts, n_runs)
    memory = {name: peak_memory(name, texts) for name in (OURS, THEIRS)}
    characters = sum(map(len, texts[OURS]))
    table = Table(
        title=f"{n_articles:,} articles, {characters / n_articles:,.0f} characters each; {n_ngrams:,} n-grams"
    )
    for title in ("", THEIRS, OURS, "ratio"):
        table.add_column(title, justify="right")
    for step in ("fit", "transform"):
        theirs, ours = times[THEIRS, step], times[OURS, step]
        table.add_row(f"{step}, s", f"{theirs:.3f}", f"{ours:.3f}", f"{theirs / ours:.1f}")
        table.add_row("articles a second", f"{n_articles / theirs:,.0f}", f"{n_articles / ours:,.0f}", "")
    for row, title in enumerate(("peak memory, MB", "beyond libraries and texts, MB")):
        theirs, ours = memory[THEIRS][row], memory[OURS][row]
        table.add_row(title, f"{theirs:,.0f}", f"{ours:,.0f}", f"{theirs / ours:.1f}")
    console = Console(width=100)
    console.print(machine())
    console.print(table)
    console.print(f"The same matrix ({n_values:,} values); medians of {n_runs} runs, one thread.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror", help="folder or address that holds the ANT archive")
    parser.add_argument("--articles", type=int, default=3000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--measure", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    raw = article_texts(options.mirror, options.articles)
    report({OURS: raw, THEIRS: [normalize_text(text) for text in raw]}, options.runs)


if __name__ == "__main__":
    main()
