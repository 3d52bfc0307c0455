"""The model in the package: small, documented, right about the plainest news."""

import json

import pytest

from classifier import Article, Predictor
from classifier.persistence import shipped_model

CASES = {
    "strike": ("غارات جوية على مواقع المسلحين في صعدة", "شنت مقاتلات غارات على مواقع الحوثيين في محافظة صعدة.", "security", "YE"),
    "match": ("الوداد يفوز على الرجاء في الديربي", "فاز الوداد على غريمه الرجاء في ديربي الدار البيضاء.", "sports", "MA"),
    "markets": ("بورصة الكويت تغلق على ارتفاع", "أغلقت بورصة الكويت تعاملاتها على ارتفاع مؤشرها العام.", "economy", "KW"),
    "talks": ("وزيرا خارجية مصر وتركيا يبحثان العلاقات", "بحث وزيرا الخارجية في القاهرة العلاقات الثنائية.", "diplomacy", "EG"),
}  # fmt: skip


@pytest.fixture(scope="module")
def predictor():
    return Predictor.load()


def test_fits_the_promised_size():
    assert sum(file.stat().st_size for file in shipped_model().iterdir()) <= 12_000_000


def test_card_names_sources_and_limits():
    card = (shipped_model() / "README.md").read_text(encoding="utf-8")
    for needed in ("10.1007/s13369-020-05258-z", "CC BY 4.0", "AICCSA", "## Limits", "train_shipped.py"):
        assert needed in card


def test_holds_no_article_text():
    config = json.loads((shipped_model() / "config.json").read_text(encoding="utf-8"))
    assert max(len(label) for task in config["tasks"] for label in task["labels"]) <= 20


@pytest.mark.parametrize(("title", "text", "topic", "country"), CASES.values(), ids=CASES.keys())
def test_labels_plain_news(predictor, title, text, topic, country):
    prediction = predictor.predict([Article(text, title)])[0]
    assert prediction.topic.code == topic
    assert prediction.country.code == country


@pytest.mark.parametrize("text", ["", "   ", "!!! ؟؟؟", "\u200f"], ids=["empty", "spaces", "marks", "bidi"])
def test_a_text_without_evidence_gets_no_label(predictor, text):
    prediction = predictor.predict([Article(text)])[0]
    assert prediction.topics == ()
    assert prediction.countries == ()
    assert prediction.regions == ()
