"""The topic `recall` runs, and LoCoMo's file is read as it is. Its data are not here: the file below has its shape."""

import json
from pathlib import Path

from tests.benchmarks import recall
from tests.benchmarks.locomo import locomo_sets
from tests.benchmarks.measure import Bench, Effort
from tests.corpus.load import CorpusNote, CorpusQuestion

_FILE = [
    {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ann",
            "speaker_b": "Bo",
            "session_2_date_time": "7:05 am on 9 May, 2023",
            "session_2": [{"speaker": "Ann", "dia_id": "D2:1", "text": "The kiln cracked last night."}],
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ann", "dia_id": "D1:1", "text": "I bought a kiln."},
                {"speaker": "Bo", "dia_id": "D1:2", "text": "Does it fire stoneware?"},
            ],
        },
        "qa": [
            {"question": "What cracked?", "answer": "the kiln", "evidence": ["D1:1; D2:01"], "category": 1},
            {"question": "Never said", "adversarial_answer": "a wheel", "evidence": ["D1:1"], "category": 5},
            {"question": "Without evidence", "answer": "?", "evidence": [], "category": 3},
            {"question": "Of a turn that is not there", "answer": "?", "evidence": ["D9:9"], "category": 2},
        ],
    },
    {
        "sample_id": "conv-2",
        "conversation": {
            "session_1_date_time": "12:10 am on 1 January, 2024",
            "session_1": [{"speaker": "Cy", "dia_id": "D1:1", "text": "My boat is called Heron."}],
        },
        "qa": [{"question": "How is the boat called?", "answer": "Heron", "evidence": ["D1:1"], "category": 4}],
    },
]


def test_locomo_is_read_with_its_evidence_and_the_questions_of_others(tmp_path: Path) -> None:
    first, second = locomo_sets(_written(tmp_path))
    assert first.notes == [
        CorpusNote("conv-1/D1:1", "en", "conv-1/01", "2023-05-08T13:56:00Z", "Ann: I bought a kiln."),
        CorpusNote("conv-1/D1:2", "en", "conv-1/01", "2023-05-08T13:56:30Z", "Bo: Does it fire stoneware?"),
        CorpusNote("conv-1/D2:1", "en", "conv-1/02", "2023-05-09T07:05:00Z", "Ann: The kiln cracked last night."),
    ]
    evidence = ("conv-1/D1:1", "conv-1/D2:1")
    assert first.answered == [CorpusQuestion("conv-1/q0", "en", "category 1", evidence, "What cracked?")]
    assert [question.text for question in first.foreign] == ["How is the boat called?"]
    assert [question.text for question in second.foreign] == ["What cracked?"]


async def test_rows_of_recall_have_what_is_promised(tmp_path: Path) -> None:
    found = [result async for result in recall.rows(Bench(Effort(quick=True), tmp_path, _written(tmp_path)))]
    told = "\n".join(result.row.what for result in found)
    for what in (
        "recall@5, en with en",
        "recall@5, ja with cjk",
        "recall@5, LoCoMo",
        "foreign questions",
        "p99",
        "stalls",
    ):
        assert what in told
    assert all(result.reached is not None for result in found if result.row.goal)


def _written(folder: Path) -> Path:
    path = folder / "locomo10.json"
    path.write_text(json.dumps(_FILE))
    return path
