"""Measure `classifier.pages` on the ANT corpora: furniture dropped, text lost, titles found.

    python benchmarks/pages.py [--mirror DIR-or-URL] [--every 10] [--show 20]

1. Clean articles (title, line break, text): all that is dropped. A line that stands word for word under five headlines
   or more is boilerplate that the corpus kept ("the articles express their authors' views"); the rest is counted apart.
2. Pages made of every n-th article with furniture of each kind put where sites put it, in random order and wording.
"""

import argparse
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from classifier.corpora import load
from classifier.pages import clean_page

BOILERPLATE_HEADLINES = 5
NAMES = ["أحمد الخطيب", "سارة حداد", "محمد عبد الله", "نور الدين بن يوسف", "ليلى منصور", "Ahmed Hassan"]
NETWORKS = ["فيسبوك", "تويتر", "واتساب", "تيليجرام", "لينكدإن", "Facebook", "Twitter", "WhatsApp", "Email", "طباعة"]
SECTIONS = ["الأخبار", "سياسة", "العالم العربي", "اقتصاد", "رياضة", "أخبار دولية", "Sport"]
TOPICS = ["العراق", "داعش", "القائم", "مجلس الأمن", "كأس العالم", "أسعار النفط", "حلب"]
MONTHS = ["يناير", "فبراير", "تشرين الثاني", "أكتوبر", "شباط/فبراير", "مارس", "غشت", "جويلية"]
DAYS = ["الأحد", "الإثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت"]


@dataclass
class Tally:
    """Characters put in or there, and dropped."""

    there: int = 0
    dropped: int = 0
    kept: Counter = field(default_factory=Counter)


def furniture(kind, dice, headlines):
    """Return lines of one kind."""
    name, sections = dice.choice(NAMES), dice.sample(SECTIONS, 3)
    number, year = dice.randrange(1, 2500), dice.randrange(2012, 2024)
    day = f"{dice.choice(DAYS)} {dice.randrange(1, 29)} {dice.choice(MONTHS)} {year}"
    credit = dice.choice(["أ ب", "أ.ف.ب", "رويترز", "AFP", "EPA", "الأناضول", "غيتي"])
    some = dice.sample(headlines, 3)
    choices = {
        "share": [[" ".join(dice.sample(NETWORKS, 4))], dice.sample(NETWORKS, 3), ["شارك هذا المقال"], ["مشاركة عبر:"],
                  [f"شارك {number} تغريدة"], ["انشر"]],
        "text size": [["ت + ت - الحجم الطبيعي"], ["حجم الخط: أ+ أ-"], ["A A A"], ["تـكبير الخط"]],
        "caption": [[f"■ {dice.choice(headlines)} | {credit}"], [f"{dice.choice(headlines)} ({credit})"],
                    [f"صورة: {dice.choice(headlines)}"], ["صُورة أرشيفية"], [f"{dice.choice(headlines)} © {credit}"]],
        "counter": [[str(number)], [f"{number} مشاهدة"], [f"({number % 90 + 3}) تعليقات"], ["1.2K"], ["٣٤٥ قراءة"]],
        "related box": [["اقرأ أيضا", *some], ["مواضيع ذات صلة:", *some[:2]], ["الأكثر قراءة", *some], ["إقرأ أيضاً:", some[0]],
                        ["قد يعجبك أيضاً", *(f"• {line}" for line in some)]],
        "related line": [[f"اقرأ أيضا: {some[0]}"], [f"للمزيد | {some[0]}"], [f"شاهد.. {some[0]}"], [f"طالع أيضاً - {some[0]}"]],
        "author": [[f"بقلم: {name}"], [f"كتب - {name}"], [f"كتبت/ {name}"], [f"إعداد: {name}"], [f"By {name}"],
                   [f"{name} - القاهرة"]],
        "address": [["ahmed.h@albayan.example"], [f"{name} news@site.example"], ["@alkhatib_news"], ["https://site.example/a/1"]],
        "repeated headline": [["HEADLINE"]],
        "tags": [[f"كلمات دالة: {'، '.join(dice.sample(TOPICS, 3))}"], ["#العراق #داعش #سوريا"],
                 [f"الوسوم | {' | '.join(dice.sample(TOPICS, 3))}"], ["كلمات مفتاحية", *dice.sample(TOPICS, 3)]],
        "newsletter": [["اشترك في النشرة البريدية ليصلك كل جديد"], ["أدخل بريدك الإلكتروني"], ["تابعونا على تويتر وفيسبوك"],
                       ["حمّل تطبيقنا الآن"], ["تابع آخر الأخبار عبر Google News"]],
        "rights": [[f"جميع الحقوق محفوظة © صحيفة البيان {year}"], [f"Copyright © {year} All rights reserved"],
                   ["المقال يعبر عن رأي كاتبه ولا يعبر بالضرورة عن رأي الموقع"], ["حقوق النشر محفوظة"]],
        "trail": [[f"الرئيسية / {sections[0]} / {sections[1]}"], [" > ".join(sections)], [f"الرئيسية » {sections[0]}"], ["الرئيسية"]],
        "date": [[day], [f"{day} - 10:45 ص"], [f"نشر في: {day}"], [f"آخر تحديث: {day}"], ["05/11/2017 22:10"], ["منذ 3 ساعات"]],
        "navigation": [["القائمة"], ["تسجيل الدخول"], ["المقال التالي"], ["إعلان"], ["Skip to content"], ["حول العالم"]],
        "comments": [["أضف تعليقاً"], ["التعليقات (0)"], ["لا توجد تعليقات"], ["Leave a Reply"]],
        "source": [["المصدر: وكالات"], ["المصدر : الجزيرة + وكالات"], ["*نقلا عن الشرق الأوسط"], ["رويترز"], ["(وكالات)"]],
    }  # fmt: skip
    return dice.choice(choices[kind])


HEAD = ("trail", "navigation")
UNDER_TITLE = ("date", "author", "share", "text size", "caption", "counter", "repeated headline", "address")
AMONG = ("related line", "related box", "caption", "counter", "newsletter", "share")
FOOT = ("source", "tags", "share", "related box", "comments", "rights", "newsletter", "date", "author", "counter")


def dress(title, lines, dice, headlines):
    """Return a page as (kind or None, line) pairs: an article's lines among furniture."""
    add = lambda kinds, most: [
        (kind, title if line == "HEADLINE" else line)
        for kind in dice.sample(kinds, dice.randrange(1, most + 1))
        for line in furniture(kind, dice, headlines)
    ]
    page = [*add(HEAD, 2), (None, title), *add(UNDER_TITLE, 4)]
    gap = dice.randrange(1, len(lines)) if len(lines) > 1 else None
    for i, line in enumerate(lines):
        page += add(AMONG, 2) if i == gap else []
        page.append((None, line))
    return page + add(FOOT, 5)


def measure_clean(articles, show):
    """Clean the articles as they are; print what was dropped."""
    under = defaultdict(set)
    by_reason = defaultdict(Counter)
    n_characters = n_titles = 0
    start = time.perf_counter()
    for article in articles:
        result = clean_page(f"{article.title}\n{article.text}")
        n_characters += len(result.page)
        n_titles += result.title == article.title
        for dropped in result.dropped:
            line = result.page[dropped.start : dropped.end]
            under[line].add(article.title)
            by_reason[dropped.reason][line] += 1
    seconds = time.perf_counter() - start
    print(f"{len(articles)} clean articles, {n_characters} characters, {len(articles) / seconds:.0f} articles/s")
    print(f"title found: {n_titles / len(articles):.4%}")
    report_clean(by_reason, under, n_characters, show)


def report_clean(by_reason, under, n_characters, show):
    total, rest = Counter(), Counter()
    for reason, lines in by_reason.items():
        for line, count in lines.items():
            total[reason] += len(line) * count
            rest[reason] += len(line) * count * (len(under[line]) < BOILERPLATE_HEADLINES)
    print(f"{'reason':20} {'dropped':>9} {'without boilerplate':>20}")
    for reason in sorted(total, key=total.get, reverse=True):
        print(f"{reason:20} {total[reason] / n_characters:9.4%} {rest[reason] / n_characters:20.4%}")
        for line, count in by_reason[reason].most_common(show):
            print(f"    {count:4} {line}")
    print(f"{'all':20} {total.total() / n_characters:9.4%} {rest.total() / n_characters:20.4%}")


def measure_dressed(articles, every, seed):
    """Put furniture among the lines of every n-th article; print the share of each kind that is dropped."""
    dice = random.Random(seed)
    headlines = [article.title for article in articles if article.title]
    tallies = defaultdict(Tally)
    n_pages = n_titles = 0
    for article in articles[::every]:
        bare = clean_page(f"{article.title}\n{article.text}")
        if not bare.title or not bare.text:
            continue
        lines = [bare.page[start:end] for start, end in bare.lines][1:]
        n_pages += 1
        n_titles += tally_page(dress(bare.title, lines, dice, headlines), bare.title, tallies)
    report_dressed(tallies, n_pages, n_titles)


def tally_page(page, title, tallies):
    """Count what is dropped of a page; return whether its title is found."""
    result = clean_page("\n".join(line for _, line in page))
    gone = {dropped.start for dropped in result.dropped}
    start = 0
    for kind, line in page:
        tally = tallies[kind]
        tally.there += len(line)
        if start + len(line) - len(line.lstrip()) in gone:
            tally.dropped += len(line)
            tally.kept.update([] if kind else [f"LOST {line}"])
        elif kind:
            tally.kept[line] += 1
        start += len(line) + 1
    return result.title == title


def report_dressed(tallies, n_pages, n_titles):
    text = tallies.pop(None)
    there, dropped = (sum(getattr(tally, name) for tally in tallies.values()) for name in ("there", "dropped"))
    print(f"\n{n_pages} pages with furniture; title found: {n_titles / n_pages:.2%}")
    print(f"text lost: {text.dropped / text.there:.4%} of {text.there} characters")
    for line, count in text.kept.most_common(8):
        print(f"    {count:4} {line}")
    print(f"furniture dropped: {dropped / there:.1%} of {there} characters")
    for kind, tally in sorted(tallies.items(), key=lambda item: item[1].dropped / item[1].there):
        often = "; ".join(line for line, _ in tally.kept.most_common(3))
        print(f"{kind:20} {tally.dropped / tally.there:7.1%}   kept: {often}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror", help="folder or address that holds the archives")
    parser.add_argument("--every", type=int, default=10, help="put furniture into every n-th article")
    parser.add_argument("--show", type=int, default=0, help="lines to print for each reason")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    articles = [article for name in ("ant-v2", "ant-v1") for article in load(name, mirror=options.mirror)]
    measure_clean(articles, options.show)
    measure_dressed(articles, options.every, options.seed)


if __name__ == "__main__":
    main()
