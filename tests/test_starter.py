"""The starter corpus and the annotations: complete, valid, original."""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from classifier.labels import REGION_OF, TOPICS
from classifier.normalize import normalize_text

ROOT = Path(__file__).parents[1]
MIRROR = ROOT.parent / "shared" / "data"
SAMPLE = ROOT.parent / "shared" / "samples" / "scraped-page-qaim.txt"
N_WORDS = 8

# Runs of words that Arabic newsrooms write in any story; the only ones that two starter articles, or a starter
# article and a published one, may have in common.
STOCK_PHRASES = (
    # Royal and official titles
    "بين الهيئة العامة للرياضة والاتحاد الدولي لكرة القدم",
    "النائب الأول لرئيس مجلس الوزراء وزير الداخلية الشيخ",
    "بمكرمة من صاحب السمو الشيخ الدكتور سلطان بن محمد القاسمي",
    "وقال سمو الشيخ عبدالله بن زايد آل نهيان إن",
    "الأمير سلمان بن حمد آل خليفة ولي العهد",
    "خادم الحرمين الشريفين الملك سلمان بن عبدالعزيز آل سعود حفظه الله",
    "الأمير سعود بن نايف بن عبدالعزيز أمير المنطقة الشرقية",
    "الشيخ سلمان بن إبراهيم آل خليفة رئيس الاتحاد",
    "فيصل بن خالد بن عبدالعزيز أمير منطقة عسير",
    "مع الأمين العام للأمم المتحدة بان كي مون",
    "صرح مصدر عسكري مسؤول في القيادة العامة للقوات المسلحة الأردنية الجيش العربي",
    "قال الناطق الإعلامي باسم مديرية الأمن العام إن",
    "اللجنة الحكومية الدولية لصون التراث الثقافي غير المادي",
    "فريق بحثي في جامعة الملك عبدالله للعلوم والتقنية",
    "المركز الوطني للأرصاد مرتادي البر إلى الابتعاد عن",
    "ملايين طن سنويا من مشروع توسعة حقل الشمال الشرقي",
    "حذر مكتب الأمم المتحدة لتنسيق الشؤون الإنسانية من",
    "فوزي لقجع رئيس الجامعة الملكية المغربية لكرة القدم",
    "المدير العام لمنظمة الصحة العالمية تيدروس أدهانوم غيبريسوس",
    "عضو هيئة كبار العلماء الشيخ صالح بن فوزان الفوزان",
    "البابا تواضروس الثاني بابا الإسكندرية وبطريرك الكرازة المرقسية",
    # Scripture and tradition
    "النبي صلى الله عليه وسلم من فطر صائما كان له مثل أجره",
    "قال تعالى وما جعل عليكم في الدين من حرج",
    "ما زال جبريل يوصيني بالجار حتى ظننت أنه سيورثه",
    "تعالى ما يلفظ من قول إلا لديه رقيب عتيد",
    # Formulas of courts and communiques
    "المادة الرابعة 1 من قانون مكافحة الإرهاب رقم 13 لسنة 2005",
    "تحت تدبير الحراسة النظرية رهن إشارة البحث الذي تشرف عليه النيابة العامة المختصة",
    "مقذوفات عسكرية أطلقتها عناصر حوثية من داخل الأراضي اليمنية",
)


@pytest.fixture(scope="module")
def articles():
    lines = (ROOT / "datasets" / "starter" / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def runs(text: str) -> Iterator[tuple[str, ...]]:
    words = normalize_text(text).split()
    return zip(*(words[i:] for i in range(N_WORDS)), strict=False)


def stock_runs() -> set[tuple[str, ...]]:
    return {run for phrase in STOCK_PHRASES for run in runs(phrase)}


def page(article: dict) -> str:
    return f"{article['title']}\n{article['text']}"


def test_labels_are_there_and_valid(articles):
    for article in articles:
        assert article["topics"], article["id"]
        assert set(article["topics"]) <= TOPICS.keys(), article["id"]
        assert set(article["countries"]) <= REGION_OF.keys(), article["id"]
        assert len(article["countries"]) <= 4, article["id"]
        assert article["synthetic"] is True, article["id"]
        assert article["title"].strip(), article["id"]
        assert article["text"].strip(), article["id"]


def test_ids_are_unique(articles):
    assert [i for i, n in Counter(a["id"] for a in articles).items() if n > 1] == []


def test_every_topic_region_and_arab_state_is_well_represented(articles):
    topics = Counter(t for a in articles for t in a["topics"])
    countries = Counter(c for a in articles for c in a["countries"])
    regions = Counter(REGION_OF[c] for a in articles for c in a["countries"])
    assert min(topics[t] for t in TOPICS) >= 60
    assert min(regions[r] for r in set(REGION_OF.values())) >= 10
    arab = [
        "SA",
        "AE",
        "QA",
        "KW",
        "BH",
        "OM",
        "YE",
        "IQ",
        "SY",
        "LB",
        "JO",
        "PS",
        "EG",
        "SD",
        "LY",
        "TN",
        "DZ",
        "MA",
        "MR",
        "SO",
        "DJ",
        "KM",
    ]
    assert [c for c in arab if countries[c] < 3] == []
    assert len(countries) >= 80


def test_no_two_articles_share_eight_words(articles):
    allowed = stock_runs()
    where = defaultdict(set)
    for article in articles:
        for run in runs(page(article)):
            if run not in allowed:
                where[run].add(article["id"])
    assert {run: ids for run, ids in where.items() if len(ids) > 1} == {}


def _published(mirror: Path) -> Iterable[str]:
    from classifier.corpora import load, registry

    for name in registry():
        for article in load(name, mirror=str(mirror)):
            yield f"{article.title}\n{article.text}"


@pytest.mark.skipif(not MIRROR.is_dir(), reason="needs the public corpora in ../shared/data")
def test_none_shares_eight_words_with_a_published_article(articles):
    allowed = stock_runs()
    ours = {hash(run): a["id"] for a in articles for run in runs(page(a)) if run not in allowed}
    texts = [*_published(MIRROR), SAMPLE.read_text(encoding="utf-8")]
    shared = {(ours[h], " ".join(run)) for text in texts for run in runs(text) if (h := hash(run)) in ours}
    assert shared == set()


def annotations(name):
    with (ROOT / "datasets" / "annotations" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "splits"),
    [("labels.csv", {"train", "dev"}), ("labels-uncertain.csv", {"train"}), ("labels-further.csv", {"train"})],
)
def test_annotations_are_valid(name, splits):
    rows = annotations(name)
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["split"] for row in rows} == splits
    for row in rows:
        assert set(row["topics"].split()) <= TOPICS.keys()
        assert row["topics"]
        assert set(row["countries"].split()) <= {*REGION_OF, "-"}
        assert row["countries"]


def test_no_article_is_annotated_in_two_files():
    files = [{row["id"] for row in annotations(f"labels{kind}.csv")} for kind in ("", "-uncertain", "-further")]
    assert len(set.union(*files)) == sum(map(len, files))


def test_datasets_holds_data_only():
    assert list((ROOT / "datasets").rglob("*.py")) == []
