"""What is dealt out to shards comes back."""

import numpy as np
import pytest
from scipy.sparse import random_array, vstack

from classifier import shards as shards_
from classifier.shards import ShardWriter


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Three batches in shards of at most ten articles; row i of `number` is i."""
    monkeypatch.setattr(shards_, "_SHARD_ARTICLES", 10)
    rng = np.random.default_rng(0)
    writer = ShardWriter(tmp_path, [20, 7])
    batches = [[random_array((16, n), density=0.3, format="csr", rng=rng).astype(np.float32) for n in (20, 7)]] * 3
    lanes = np.tile([0, 1, 2, -1], 4)
    for i, matrices in enumerate(batches):
        number = np.arange(16 * i, 16 * i + 16, dtype=np.int64)[:, None]
        writer.append(lanes, matrices, {"number": number})
    return writer.shards, [vstack(parts, format="csr") for parts in zip(*batches, strict=True)]


def test_every_article_is_in_one_shard_of_its_lane(written):
    shards, _ = written
    assert sorted(shards) == [0, 1, 2]
    for lane, of_lane in shards.items():
        numbers = np.concatenate([shard.array("number", np.int64, 1).ravel() for shard in of_lane])
        assert numbers.tolist() == [i for i in range(48) if i % 4 == lane]
        assert [len(shard.array("number", np.int64, 1)) for shard in of_lane] == [8, 4]


@pytest.mark.parametrize("blocks", [[0], [1], [0, 1]])
def test_features(written, blocks):
    shards, whole = written
    for shard in (shard for of_lane in shards.values() for shard in of_lane):
        rows = shard.array("number", np.int64, 1).ravel()
        expected = np.hstack([whole[b][rows].toarray() for b in blocks])
        np.testing.assert_array_equal(shard.features(blocks).toarray(), expected)


def test_put_takes_the_place_of_what_was_there(written):
    shard = written[0][0][0]
    assert shard.array("alpha", np.float32, 3) is None
    for value in (1, 2):
        shard.put("alpha", np.full((8, 3), value, dtype=np.float32))
        np.testing.assert_array_equal(shard.array("alpha", np.float32, 3), np.full((8, 3), value))
