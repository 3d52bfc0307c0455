"""Configurations: presets, files, and what is refused."""

import json
from pathlib import Path

import pytest

from classifier.config import BlockConfig, Config, HeadConfig
from classifier.errors import ConfigError


@pytest.mark.parametrize("preset", ["news", "char"])
def test_preset_survives_json(preset):
    config = Config.from_preset(preset)
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_presets_differ_as_documented():
    news, char = Config.from_preset("news"), Config.from_preset("char")
    assert [block.zone for block in char.blocks] == ["page"]
    assert char.places is None
    assert {block.zone for block in news.blocks} == {"title", "lead", "page"}
    assert news.places is not None
    assert news.places.tasks == ("country",)


def test_stems_are_not_read_as_written():
    with pytest.raises(ConfigError, match="as_written must be false for analyzer 'stem', got True"):
        BlockConfig("page", analyzer="stem", ngram_range=(1, 2), as_written=True)


def test_unknown_preset():
    with pytest.raises(ConfigError, match=r"preset must be one of char, news, .*got 'chars'"):
        Config.from_preset("chars")


def test_file_of_the_presets_form(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('lead_characters = 300\n[[blocks]]\nzone = "lead"\nngram_range = [3, 4]\nweight = 2\n')
    config = Config.from_file(path)
    assert config.lead_characters == 300
    assert config.blocks == (BlockConfig(zone="lead", ngram_range=(3, 4), weight=2.0),)
    assert config.heads == HeadConfig()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"blocks = [", "not a configuration"),
        (b"\xff\xfe", "not a configuration"),
        (b"sede = 1", "Config has no key 'sede', only .*; did you mean 'seed'"),
        (b"[heads]\nc = 1.0", "HeadConfig has no key 'c'"),
    ],
    ids=["toml", "utf-8", "near", "section"],
)
def test_file_that_is_none(tmp_path, content, reason):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"bad\.toml: .*{reason}"):
        Config.from_file(path)


def test_file_that_is_missing(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        Config.from_file(tmp_path / "none.toml")


def test_file_that_is_a_folder(tmp_path: Path):
    with pytest.raises(ConfigError, match="Is a directory"):
        Config.from_file(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": {}}, "seed must be a whole number, got {}"),
        ({"seed": 1.0}, "seed must be a whole number, got 1.0"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        ({"blocks": []}, "blocks must be at least one"),
        ({"blocks": 3}, "blocks must be a list, got 3"),
        ({"blocks": [3]}, r"blocks\[0\] must be a table, got 3"),
        ({"blocks": [{}]}, "zone must be given for BlockConfig"),
        ({"blocks": [{"zone": "body"}]}, "zone must be one of title, lead, page, got 'body'"),
        ({"blocks": [{"zone": "page", "weight": 0}]}, "weight must be above 0"),
        ({"blocks": [{"zone": "page", "weight": float("nan")}]}, "weight must be above 0"),
        ({"blocks": [{"zone": "page", "weight": float("inf")}]}, "weight must be above 0"),
        ({"blocks": [{"zone": "page", "ngram_range": [2]}]}, "ngram_range must be a list of 2"),
        ({"blocks": [{"zone": "page", "ngram_range": [5, 2]}]}, "1 <= min <= max <= 9"),
        ({"blocks": [{"zone": "page", "ngram_range": [2, 10]}]}, "1 <= min <= max <= 9"),
        ({"blocks": [{"zone": "page", "min_df": 0}]}, "min_df must be at least 1"),
        ({"blocks": [{"zone": "page", "min_df": True}]}, "min_df must be a whole number, got True"),
        ({"blocks": [{"zone": "page", "max_features": 0}]}, "max_features must be at least 1"),
        ({"blocks": [{"zone": "page", "tasks": ["topic", 3]}]}, r"tasks\[1\] must be a string, got 3"),
        ({"heads": {"C": "1"}}, "C must be a number, got '1'"),
        ({"heads": {"C": -1}}, "C must be above 0"),
        ({"heads": {"folds": 1}}, "folds must be at least 2"),
        ({"heads": {"max_iter": 0}}, "max_iter must be at least 1"),
        ({"places": 3}, "places must be a table or none, got 3"),
        ({"lead_characters": 0}, "lead_characters must be 1 to 1000000, got 0"),
        ({"untitled_characters": 10**9}, "untitled_characters must be 1 to 1000000"),
    ],
    ids=lambda value: None if isinstance(value, str) else json.dumps(value),
)
def test_values_out_of_range(values, message):
    with pytest.raises(ConfigError, match=message):
        Config.from_dict(values)


def test_blocks_for_tasks():
    news = Config.from_preset("news")
    assert news.for_tasks(["topic", "country"]) == news


def test_tasks_of_a_users_own_read_all_blocks_of_news():
    news = Config.from_preset("news")
    assert news.for_tasks(["section"]).blocks == news.blocks
    assert [block.zone for block in news.for_tasks(["country"]).blocks] == ["lead"]


def test_no_block_for_tasks():
    config = Config(blocks=(BlockConfig(zone="page", tasks=("topic",)),))
    with pytest.raises(ConfigError, match="blocks must be at least one for section"):
        config.for_tasks(["section"])
