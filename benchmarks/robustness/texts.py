"""Run the kernels over adversarial texts with bounds checking on, and compare with slow, plain Python.

The script starts itself again with NUMBA_BOUNDSCHECK=1 and a cache of its own, so that an index out of bounds is an
IndexError. N-gram counts, TF-IDF rows and place mentions must be those of the reference in this file; a whole model
must give the same labels with and without the checks.

    python benchmarks/robustness/texts.py
    python benchmarks/robustness/texts.py --quick     # 10^5 code points in place of 10^7
"""

import argparse
import collections
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from classifier.article import Article
from classifier.features import CharNgramTfidf
from classifier.normalize import normalize_text
from classifier.predictor import Predictor

MODEL = Path(__file__).parents[2] / "tests" / "data" / "model-v1"
RANGES = [(1, 1), (2, 5), (1, 9), (9, 9)]
LETTERS = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي"


def texts(n):
    """Return adversarial texts by name; the longest have `n` code points."""
    chance = np.random.default_rng(0)
    letters = np.array([*LETTERS])
    return {
        "empty": "",
        "one code point": "ا",
        "only marks": "\u064b\u0651\u0640\u200f" * 1000,
        "only white space": " \n\u00a0\u2003" * 1000,
        "lone surrogates": "\ud800ا\udfff ب\udc00\ud800" * 1000,
        "surrogates in pairs, backwards": "\udc00\ud800" * 1000,
        "astral planes": "".join(map(chr, range(0x10000, 0x110000, 37))),
        "every code point once": "".join(map(chr, range(0x110000))),
        "every code point, a word each": " ".join(map(chr, range(0x110000))),
        "no space": "".join(letters[chance.integers(0, 8, n)]),
        "one letter": "ا" * n,
        "one word, counts beyond 2^16": "قال " * max(n // 4, 70_000),
        "200,000 distinct n-grams": " ".join(
            "".join(letters[row]) for row in chance.integers(0, 28, (max(n // 50, 20_000), 8))
        ),
        "words of 17 to 38 letters": " ".join(
            "".join(letters[chance.integers(0, 28, m)]) for m in [*range(17, 39)] * 99
        ),
        "names of places without end": "جمهورية مصر العربية وفي القاهرة والولايات المتحدة " * (n // 400),
        "clitics": "والو وبال فلل ولل كال لل و " * 2000,
        "marks on one letter": "\ufdfa" + "\u0316\u0301" * 5000,
    }


def reference_counts(text, low, high):
    """Count the n-grams within words, a space at each side, as scikit-learn's char_wb does."""
    counts = collections.Counter()
    for word, times in collections.Counter(normalize_text(text).split()).items():
        padded = f" {word} "
        for n in range(low, high + 1):
            for i in range(len(padded) - n + 1):
                counts[padded[i : i + n]] += times
        if len(padded) < low:
            counts[padded] += times
    return counts


def check_features(name, text, ngram_range):
    """Compare vocabulary and values of one text beside another with the reference; return the number of n-grams."""
    other = "قال وزير"
    vectorizer = CharNgramTfidf(ngram_range=ngram_range, min_df=1, norm=None)
    rows = vectorizer.fit_transform([text, other])
    expected = reference_counts(text, *ngram_range)
    names = vectorizer.get_feature_names_out()
    assert {*names} == {*expected, *reference_counts(other, *ngram_range)}, f"{name}: other n-grams"
    idf = dict(zip(names, vectorizer.idf_.tolist(), strict=True))
    row = dict(zip(names[rows[0].indices], rows[0].data.tolist(), strict=True))
    assert row.keys() == expected.keys(), f"{name}: other n-grams in the row"
    for ngram, count in expected.items():
        assert abs(row[ngram] - count * idf[ngram]) <= 1e-6 * row[ngram], f"{name}: {ngram!r} {row[ngram]}"
    return len(expected)


def labels_of(predictor, all_texts):
    """Return a digest of the scores of all texts, as title and as text, alone and in one batch."""
    digest = hashlib.sha256()
    articles = [Article(text, text[:200]) for text in all_texts] + [Article("", text) for text in all_texts]
    for task in predictor.tasks:
        batch = predictor.scorer.decision_function(articles, task)
        alone = np.concatenate([predictor.scorer.decision_function([article], task) for article in articles])
        assert batch.tobytes() == alone.tobytes(), f"{task}: alone and in a batch the scores differ"
        digest.update(np.round(batch, 4).tobytes())
    for article in articles:
        if len(article.text) < 20_000:
            predictor.passages(article)
            predictor.explain(article, predictor.tasks[0])
    return digest.hexdigest()


def check_all(n):
    """Run everything in this process; print what was done as one line of JSON."""
    start = time.monotonic()
    all_texts = texts(n)
    n_checks = n_ngrams = 0
    for name, text in all_texts.items():
        for ngram_range in RANGES if len(text) <= 2_000_000 else RANGES[1:2]:
            n_ngrams += check_features(name, text, ngram_range)
            n_checks += 1
        print(f"{name}: {len(text):,} code points", file=sys.stderr)
    short = [text for text in all_texts.values() if len(text) <= n]
    done = {"texts": len(all_texts), "comparisons": n_checks, "n-grams": n_ngrams}
    digest = labels_of(Predictor.load(MODEL), short)
    print(json.dumps({**done, "scores": digest, "seconds": round(time.monotonic() - start)}))


def in_a_process(n, *, checked):
    """Run all in a new process, with bounds checking or without."""
    with tempfile.TemporaryDirectory() as cache:
        environment = dict(os.environ)
        if checked:
            environment |= {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": cache}
        command = [sys.executable, __file__, "--here", str(n)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def main():
    """Compare a run with bounds checking and one without."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--here", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.here:
        return check_all(args.here)
    n = 100_000 if args.quick else 10_000_000
    checked, plain = in_a_process(n, checked=True), in_a_process(n, checked=False)
    print(f"with bounds checking: {checked}\nwithout: {plain}")
    return None if checked["scores"] == plain["scores"] else sys.exit("the scores differ")


if __name__ == "__main__":
    main()
