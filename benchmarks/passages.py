"""Measure `Predictor.passages` on pages glued from articles of the ANT corpus.

    python benchmarks/passages.py --mirror DIR-or-URL [--model FOLDER] [--pages 1500] [--fit]

A page has one article (half of the pages), two (three tenths) or three; of two, half are of one section. Half of the
articles are cut after two to four paragraphs; in half of the pages only the first has its headline. CNN's articles are
left out: many are round-ups of several stories, and where one begins is not marked. Figures are of the annotated
development articles, which the model has not seen. With --fit the weights of the splitter are fitted on pages of
articles without annotations, and printed.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from classifier.article import Article
from classifier.corpora import join_annotations, load
from classifier.normalize import normalize_text
from classifier.passages import GAP_FEATURES, SHORTEST, gap_features, paragraphs
from classifier.predictor import Predictor

ANNOTATIONS = Path(__file__).parents[1] / "datasets" / "annotations" / "labels.csv"
FEWEST_WORDS = 50
ROUND_UPS = "CN-"
NEAR_ENOUGH = 160  # characters: a boundary may be one heading off


class Story(NamedTuple):
    """An article with a headline and two lines at least, and its labels where they are known."""

    title: str
    text: str
    section: str
    topics: Sequence[str] = ()
    countries: Sequence[str] = ()


class Page(NamedTuple):
    """Stories end to end; `starts` says where each begins."""

    text: str
    starts: list[int]
    stories: list[Story]


def usable(article: Article) -> bool:
    if (article.id or "").startswith(ROUND_UPS) or not article.title.strip():
        return False
    return "\n" in article.text.strip() and len(article.text.split()) >= FEWEST_WORDS


def fingerprint(article: Article) -> str:
    return normalize_text(article.text)[:300]


def sections_of(mirror: str | None) -> dict[str, str]:
    return {a.id: a.section or "" for name in ("ant-v2", "ant-v1") for a in load(name, mirror=mirror)}


def annotated(mirror: str | None, sections: dict[str, str]) -> list[Story]:
    found = join_annotations(ANNOTATIONS, split="dev", mirror=mirror)
    rows = zip(found.articles, found.labels["topic"], found.labels["country"], strict=True)
    return [
        Story(a.title, a.text, sections[a.id or ""], topics or (), countries or ())
        for a, topics, countries in rows
        if usable(a)
    ]


def unannotated(mirror: str | None) -> list[Story]:
    known = [join_annotations(ANNOTATIONS, split=split, mirror=mirror).articles for split in ("train", "dev")]
    seen = {fingerprint(a) for articles in known for a in articles}
    stories = []
    for name in ("ant-v2", "ant-v1"):
        for row in load(name, mirror=mirror):
            article = Article(row.text, row.title, row.id)
            if usable(article) and fingerprint(article) not in seen:
                seen.add(fingerprint(article))
                stories.append(Story(row.title, row.text, row.section or ""))
    return stories


def glue(stories: Sequence[Story], n_pages: int, seed: int) -> Iterator[Page]:
    rng = random.Random(seed)
    by_section: dict[str, list[Story]] = {}
    for story in stories:
        by_section.setdefault(story.section, []).append(story)
    for _ in range(n_pages):
        chosen = [rng.choice(stories)]
        n_stories = rng.choices((1, 2, 3), (5, 3, 2))[0]
        while len(chosen) < n_stories:
            other = rng.choice(by_section[chosen[0].section] if rng.random() < 0.5 else stories)
            chosen += [other] * (other not in chosen)
        yield join([shorten(story, rng) for story in chosen], titled=rng.random() < 0.5)


def shorten(story: Story, rng: random.Random) -> Story:
    """Cut half of the stories after their first two to four paragraphs."""
    if rng.random() < 0.5:
        return story
    lines = [line for line in story.text.splitlines() if line.strip()]
    return story._replace(text="\n".join(lines[: rng.randint(2, 4)]))


def join(stories: list[Story], *, titled: bool) -> Page:
    text, starts = "", []
    for story in stories:
        starts.append(len(text))
        text += (f"{story.title.strip()}\n" if titled or not text else "") + story.text.strip() + "\n"
    return Page(text, starts, stories)


def fit(predictor: Predictor, pages: Iterator[Page]) -> None:
    """Print the weights of a logistic regression over the gaps of pages."""
    rows, truth = [], []
    for page in pages:
        units = paragraphs(page.text)
        before = np.cumsum([len(page.text[u.paragraph : u.end].split()) for u in units])
        far_enough = (before[:-1] >= SHORTEST) & (before[-1] - before[:-1] >= SHORTEST)
        if far_enough.any():
            rows.append(gap_features(page.text, units, predictor.scorer.blocks)[far_enough])
            starts = np.array([u.start in page.starts for u in units[1:]])
            truth.append(starts[far_enough])
    model = LogisticRegression(C=10, max_iter=2000).fit(np.vstack(rows), np.concatenate(truth))
    print(f"fitted on {len(np.concatenate(truth)):,} gaps, {np.concatenate(truth).sum():,} of them between stories")
    print(dict(zip(GAP_FEATURES, model.coef_[0].round(3).tolist(), strict=True)), model.intercept_.round(3))


class Tally:
    """Counts of boundaries and labels."""

    def __init__(self) -> None:
        self.boundaries = np.zeros(3)  # found and right, found, there
        self.split = {n: [0, 0] for n in (1, 2, 3)}  # pages with the right number of passages, pages
        self.right: dict[str, np.ndarray] = {}

    def add(self, page: Page, found: Sequence, plain: object, alone: Sequence) -> None:
        """Count a page: the passages found, the labels of the page as one, those of each story alone."""
        starts, truth = [p.start for p in found[1:]], page.starts[1:]
        hits = sum(any(abs(start - true) <= NEAR_ENOUGH for start in starts) for true in truth)
        self.boundaries += hits, len(starts), len(truth)
        self.split[len(page.stories)][0] += len(starts) == len(truth)
        self.split[len(page.stories)][1] += 1
        for i, story in enumerate(page.stories):
            mine = covering(found, page.starts[i], [*page.starts, len(page.text)][i + 1])
            kind = "one story" if len(page.stories) == 1 else "several"
            for task, gold in (("topic", story.topics), ("country", story.countries)):
                scores = [agreement(prediction[task], gold) for prediction in (plain, mine, alone[i])]
                sums = self.right.setdefault(f"{kind}, {task}", np.zeros((3, 3)))
                sums += [[*score, 1] for score in scores]

    def report(self) -> None:
        """Print the figures."""
        right, found, there = self.boundaries
        f1 = 2 * right / (found + there)
        print(f"boundaries: precision {right / found:.3f}, recall {right / there:.3f}, F1 {f1:.3f}")
        for n, (good, pages) in self.split.items():
            print(f"pages of {n}: {good / pages:.3f} of {pages} have {n} passages")
        print("first label right / F1 of the labels:   page's own labels | passages | each story alone")
        for name, sums in self.right.items():
            cells = " | ".join(f"{first / n:.3f} / {f1 / n:.3f}" for first, f1, n in sums)
            print(f"  {name} ({int(sums[0, 2])} stories): {cells}")


def covering(passages: Sequence, start: int, end: int) -> object:
    """Return the labels of the passage that has most of a stretch."""
    return max(passages, key=lambda p: min(p.end, end) - max(p.start, start)).prediction


def agreement(labels: Sequence, gold: Sequence[str]) -> tuple[float, float]:
    codes = [label.code for label in labels]
    common = len(set(codes) & set(gold))
    f1 = 2 * common / (len(codes) + len(gold)) if codes or gold else 1.0
    return float(codes[:1] == list(gold)[:1]), f1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror")
    parser.add_argument("--model")
    parser.add_argument("--pages", type=int, default=1500)
    parser.add_argument("--fit", action="store_true")
    args = parser.parse_args()
    predictor = Predictor.load(args.model)
    if args.fit:
        fit(predictor, glue(unannotated(args.mirror), 4000, seed=1))
        return
    stories = annotated(args.mirror, sections_of(args.mirror))
    tally = Tally()
    for page in glue(stories, args.pages, seed=2):
        alone = predictor.predict([Article(story.text, story.title) for story in page.stories])
        tally.add(page, predictor.passages(page.text), predictor.predict([page.text])[0], alone)
    print(f"{len(stories)} articles, {args.pages} pages")
    tally.report()


if __name__ == "__main__":
    main()
