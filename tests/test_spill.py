"""Counts on disk are the sum of their parts."""

import numpy as np
import pytest

from classifier import spill
from classifier.ngrams import NgramCounts
from classifier.spill import CountsOnDisk


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(spill, "_MERGED_AT_ONCE", 3)
    monkeypatch.setattr(spill, "_SAMPLED_EVERY", 4)
    monkeypatch.setattr(spill, "_KEYS_IN_MEMORY", 16)


def part(rng, n_keys):
    keys = np.sort(rng.choice(200, n_keys, replace=False) + 1).astype(np.int64)
    frequency = rng.integers(1, 5, n_keys)
    return NgramCounts(keys, frequency, frequency + rng.integers(0, 3, n_keys), 5)


@pytest.mark.parametrize("n_parts", [1, 2, 3, 4, 9, 13, 27])
@pytest.mark.parametrize("min_df", [1, 3])
def test_sum(tmp_path, n_parts, min_df):
    rng = np.random.default_rng(n_parts)
    parts = [part(rng, int(rng.integers(0, 60))) for _ in range(n_parts)]
    counts = CountsOnDisk(tmp_path / "counts")
    for one in parts:
        counts.add(one)
    expected = parts[0].merge(*parts[1:])
    kept = expected.document_frequency >= min_df
    actual = counts.frequent(min_df)
    assert actual.n_documents == 5 * n_parts
    for ours, theirs in zip(actual[:3], expected[:3], strict=True):
        np.testing.assert_array_equal(ours, theirs[kept])
        assert ours.dtype == np.int64


def test_parts_on_disk_stay_few(tmp_path):
    rng = np.random.default_rng(0)
    counts = CountsOnDisk(tmp_path / "counts")
    for _ in range(80):
        counts.add(part(rng, 50))
        assert len(list(counts.folder.iterdir())) <= 2 * 4  # two of each of four levels


def test_ranges_are_bounded_and_cover_all_keys(tmp_path):
    rng = np.random.default_rng(0)
    columns = [part(rng, 100).keys for _ in range(5)]
    ranges = list(spill._ranges(columns))
    assert len(ranges) > 10
    sizes = [sum(int(((keys >= low) & (keys < high)).sum()) for keys in columns) for low, high in ranges]
    assert sum(sizes) == 500
    assert max(sizes) <= 16 + 4 * len(columns) + 4
