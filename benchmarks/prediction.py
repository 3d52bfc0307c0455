"""From raw text to labels: this project against scikit-learn's pipelines and fastText, in one run, one thread each.

    python benchmarks/prediction.py --mirror DIR-or-URL [--input ant|khaleej|titles|long] [--articles 1500] [--runs 5]
    python benchmarks/prediction.py --mirror DIR-or-URL --scaling
    python benchmarks/prediction.py --mirror DIR-or-URL --threads [--articles 6000]

All are trained on the sections of the corpus (ANT v2.1, 6; Khaleej, 7) and label other articles; `titles` are ANT's
headlines alone, `long` is one text of 10 MB made of ANT's articles. The clock starts at the raw strings and ends at the
labels; all take turns; the table has medians. The shipped model (topics, countries, regions) and our two threads stand
beside them. The floor is a kernel that only walks the code points, with one table look-up each and one random read of the
look-up table a distinct n-gram. `--start` adds the time from a fresh interpreter to the first label. `--scaling` labels
1,000 to 64,000 articles of both corpora, in processor time. `--threads` compares two threads with one, and says beside
it what the machine gives to two threads of a kernel that only counts.
"""

import argparse
import pickle
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import joblib
import numpy as np
from common import machine, sectioned
from numba import njit
from peers import OURS, PEERS, TFIDF, system, take_turns
from rich.console import Console
from rich.table import Table

from classifier import Article, NewsClassifier, Predictor
from classifier.ngrams import build_vocabulary
from classifier.persistence import save_scorer
from classifier.symbols import written_table
from classifier.training import block_matrix

START = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
THEIRS = "import joblib; joblib.load({!r}).predict([{!r}])"
LOAD = "from classifier import Predictor; Predictor.load({}).predict([{!r}])"
LONG_BYTES = 10_000_000
COUNTED = 1_500_000_000
SCALES = (1_000, 4_000, 16_000, 64_000)


def inputs(name, mirror, n_articles):
    """Return training articles with their sections, and the articles to label."""
    corpus = sectioned("sanad-khaleej" if name == "khaleej" else "ant-v2", mirror)
    order = np.random.default_rng(0).permutation(len(corpus))
    corpus = [corpus[i] for i in order]
    if name == "titles":
        corpus = [("", title, section) for title, _, section in corpus if title]
        n_articles *= 10
    training = corpus[:4000]
    others = [(title, text) for title, text, _ in corpus[4000 : 4000 + n_articles]]
    if name == "long":
        others = [("", _long_text([text for _, text, _ in corpus[4000:]]))]
    return [a[:2] for a in training], [a[2] for a in training], others


def _long_text(texts):
    size = np.cumsum([len(text.encode()) + 1 for text in texts])
    return "\n".join(texts[: int(np.searchsorted(size, LONG_BYTES)) + 1])


@njit(cache=True)
def walk(points, ends, n_ngrams, codes, table):
    """Do the least that features ask for; return a sum, so that nothing can be left out."""
    begin, total, place = 0, np.int64(0), np.uint64(0)
    for text in range(len(ends)):
        for i in range(begin, ends[text]):
            symbol = codes[min(points[i], np.uint32(len(codes) - 1))]
            place = place * np.uint64(0x9E3779B97F4A7C15) + np.uint64(symbol)
        for _ in range(n_ngrams[text]):
            place = place * np.uint64(0x9E3779B97F4A7C15) + np.uint64(1)
            total += table[np.int64(place >> np.uint64(40)) & (len(table) - 1), 0]
        begin = ends[text]
    return total + np.int64(place)


def floor(model, articles):
    """Return a call of the floor kernel over what `articles` ask for."""
    block = model.scorer_.blocks[0]
    texts = [f"{a.title}\n{a.text}" for a in articles]
    n_ngrams = np.diff(block_matrix(model.scorer_.read(articles), block).indptr)
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    ends, codes = np.cumsum([len(text) for text in texts]), written_table().codes
    return partial(walk, points, ends, n_ngrams, codes, build_vocabulary(block.keys))


def report_input(name, args):
    """Time all systems on one input; return the table and the trained ones."""
    training, sections, others = inputs(name, args.mirror, args.articles)
    systems = {label: system(label) for label in (OURS, *PEERS)}
    for label, peer in list(systems.items()):
        try:
            peer.fit(peer.prepare(training), sections)
        except RuntimeError as error:  # fastText, at every rate
            print(f"{label} left out: {error}", file=sys.stderr)
            del systems[label]
    calls = {label: partial(peer.predict, peer.prepare(others)) for label, peer in systems.items()}
    model, articles = systems[OURS].model, systems[OURS].prepare(others)
    two, shipped = NewsClassifier(preset="char", n_jobs=2), Predictor.load(n_jobs=1)
    two.scorer_ = model.scorer_
    calls |= {
        "this project, two threads": partial(two.predict, articles),
        "this project, shipped model": partial(shipped.predict, articles),
        "floor": floor(model, articles),
    }
    times = take_turns(calls, args.runs, process_time if args.processor else perf_counter)
    characters = sum(len(title) + len(text) for title, text in others)
    table = Table(title=f"{name}: {len(others):,} texts, {characters / len(others):,.0f} characters each")
    for title in ("", "seconds", "microseconds a text", "x ours", "x shipped"):
        table.add_column(title, justify="right")
    for label, elapsed in times.items():
        ratios = (f"{elapsed / times[own]:.2f}" for own in (OURS, "this project, shipped model"))
        table.add_row(label, f"{elapsed:.4f}", f"{elapsed / len(others) * 1e6:,.0f}", *ratios)
    return table, systems, others


def report_start(systems, others, n_runs):
    """Time fresh interpreters to the first label, taking turns."""
    page = "\n".join(others[0])
    with tempfile.TemporaryDirectory() as folder:
        save_scorer(systems[OURS].model.scorer_, Path(folder) / "ours", card="")
        joblib.dump(systems[TFIDF].pipeline, Path(folder) / "theirs.joblib")
        commands = {
            TFIDF: THEIRS.format(f"{folder}/theirs.joblib", page),
            OURS: LOAD.format(repr(f"{folder}/ours"), page),
            "this project, shipped model": LOAD.format("", page),
        }
        times = {name: [] for name in commands}
        for _ in range(n_runs + 1):
            for name, command in commands.items():
                run = [sys.executable, "-c", START.format(command)]
                times[name].append(float(subprocess.run(run, check=True, capture_output=True, text=True).stdout))
    table = Table(title="Fresh interpreter: import, load, first label")
    for title in ("", "seconds", "of scikit-learn's"):
        table.add_column(title, justify="right")
    medians = {name: median(values[1:]) for name, values in times.items()}
    for name, elapsed in medians.items():
        table.add_row(name, f"{elapsed:.2f}", f"{elapsed / medians[TFIDF]:.2f}")
    return table


def label_afresh(model, articles):
    """Label with empty caches."""
    pickle.loads(pickle.dumps(model)).predict(articles)


def report_scaling(args):
    """Time more and more articles of both corpora, drawn by chance."""
    corpus = [a for name in ("ant-v2", "sanad-khaleej") for a in sectioned(name, args.mirror)]
    corpus = [corpus[i] for i in np.random.default_rng(0).permutation(len(corpus))]
    model = NewsClassifier(preset="char", n_jobs=1)
    model.fit([Article(text, title) for title, text, _ in corpus[:4000]], {"section": [a[2] for a in corpus[:4000]]})
    articles = [Article(text, title) for title, text, _ in corpus[4000 : 4000 + SCALES[-1]]]
    parts = {n: articles[:n] for n in SCALES}
    # A copy has no words in its caches: else the small parts would find those of the round before.
    times = take_turns({n: partial(label_afresh, model, part) for n, part in parts.items()}, args.runs, process_time)
    table = Table(title="More articles, one thread, preset char")
    for title in ("articles", "processor seconds a thousand", "microseconds a thousand characters"):
        table.add_column(title, justify="right")
    for n, elapsed in times.items():
        characters = sum(len(a.title) + len(a.text) for a in parts[n])
        table.add_row(
            f"{len(parts[n]):,}", f"{elapsed / len(parts[n]) * 1000:.4f}", f"{elapsed / characters * 1e9:.1f}"
        )
    return table


@njit(nogil=True, cache=True)
def count(n):
    """Keep one processor busy; return a number, so that nothing can be left out."""
    total = np.uint64(1)
    for i in range(n):
        total = total * np.uint64(6364136223846793005) + np.uint64(i)
    return total


def report_threads(args):
    """Time one thread and two, taking turns."""
    training, sections, others = inputs("ant", args.mirror, args.articles)
    articles = [Article(text, title) for title, text in others]
    char = NewsClassifier(preset="char").fit([Article(text, title) for title, text in training], {"section": sections})
    models = {"preset char": char.scorer_, "shipped model": Predictor.load().scorer}
    table = Table(title=f"Two threads against one, {len(articles):,} articles")
    for title in ("", "one, seconds", "two", "ratio", "ratios of the rounds"):
        table.add_column(title, justify="right")
    calls = {name: (partial(s.predict, articles, 1), partial(s.predict, articles, 2)) for name, s in models.items()}
    calls["the machine: a kernel that counts"] = (partial(count, 2 * COUNTED), partial(count_twice, COUNTED))
    for name, (one, two) in calls.items():
        one(), two()
        rounds = [(clocked(one), clocked(two)) for _ in range(args.runs)]
        ratios = [a / b for a, b in rounds]
        seconds = [f"{median(column):.3f}" for column in zip(*rounds, strict=True)]
        table.add_row(name, *seconds, f"{median(ratios):.2f}", " ".join(f"{r:.2f}" for r in sorted(ratios)))
    return table


def count_twice(n):
    """Let two threads count."""
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(count, [n, n]))


def clocked(call):
    """Return the seconds that a call takes."""
    start = perf_counter()
    call()
    return perf_counter() - start


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror", help="folder or address that holds the archives")
    parser.add_argument("--input", nargs="+", choices=("ant", "khaleej", "titles", "long"), default=["ant"])
    parser.add_argument("--articles", type=int, default=1500)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--start", action="store_true")
    parser.add_argument("--processor", action="store_true", help="processor time, of all threads: for busy machines")
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--threads", action="store_true")
    args = parser.parse_args()
    console = Console(width=110)
    console.print(machine())
    if args.scaling or args.threads:
        console.print(report_scaling(args) if args.scaling else report_threads(args))
        return
    for name in args.input:
        table, systems, others = report_input(name, args)
        console.print(table)
    if args.start:
        console.print(report_start(systems, others, args.runs))


if __name__ == "__main__":
    main()
