"""The Spark example of docs/scale.md, run on a local master."""

import re
import shutil
import subprocess
import sys
from operator import itemgetter
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from classifier.partition import partition_schema, score_partition

pytest.importorskip("pyspark", reason="Spark is not installed: pip install 'arabic-news-classifier[spark]'")
DOCUMENT = Path(__file__).parents[1] / "docs" / "scale.md"


def java_version():
    if shutil.which("java") is None:
        return 0
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


@pytest.mark.skipif(java_version() < 17, reason="Spark 4 needs Java 17 or newer, and there is none on the path")
@pytest.mark.filterwarnings("ignore")
def test_example_gives_the_same_labels(tmp_path, monkeypatch, corpus):
    rows = [{"id": a.id, "title": a.title, "text": a.text} for a in corpus.articles[:30]]
    frame = pd.DataFrame([*rows, {"id": "bad", "title": "", "text": " "}])
    (tmp_path / "archive").mkdir()
    frame[:16].to_parquet(tmp_path / "archive" / "a.parquet")
    frame[16:].to_parquet(tmp_path / "archive" / "b.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)  # not the first on the path
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "--master local[1] --conf spark.ui.enabled=false pyspark-shell")
    code = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[1]
    namespace = {"__name__": "__main__"}
    try:
        exec(compile(code, str(DOCUMENT), "exec"), namespace)  # noqa: S102
    finally:
        namespace["spark"].stop()
    labels = sorted(pq.read_table(tmp_path / "labels").to_pylist(), key=itemgetter("id"))
    table = pa.Table.from_pandas(score_partition(frame), partition_schema(), preserve_index=False)
    assert labels == sorted(table.to_pylist(), key=itemgetter("id"))
    assert labels[0]["error"] == "text is empty"
