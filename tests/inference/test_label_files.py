"""Files of labels: what is read, and that nothing else is."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.checkpoints.tagger_labels import label_config
from tfner.errors import LabelError, StorageError
from tfner.inference.label_files import LARGEST_FILE, read_labels
from tfner.schemes import LabelSet

TAGS = ["B-CARDINAL", "B-DATE", "E-DATE", "I-DATE", "O", "S-DATE"]
TAG_TO_ID = {tag: number for number, tag in enumerate(TAGS)}
ID_TO_TAG = {str(number): tag for number, tag in enumerate(TAGS)}
SHUFFLED = dict(sorted(TAG_TO_ID.items(), key=lambda item: item[1] * 5 % 6))
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
# What Python 2 wrote: protocol 2, its str as SHORT_BINSTRING.
OF_PYTHON_2 = b"\x80\x02}q\x00(U\x01Oq\x01K\x00U\x05B-LOCq\x02K\x01u."


def write(folder: Path, content: Any, name: str = "labels.pkl") -> Path:
    path = folder / name
    if not isinstance(content, bytes):
        content = json.dumps(content, ensure_ascii=False).encode()
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickled_mapping_gives_the_tags_by_their_ids(
    tmp_path: Path, protocol: int
) -> None:
    path = write(tmp_path, pickle.dumps(SHUFFLED, protocol))
    assert read_labels(path) == TAGS


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_many_tags_of_any_script_are_read(tmp_path: Path, protocol: int) -> None:
    tags = ["O", *(f"B-種類{n}" for n in range(1000))]
    content = pickle.dumps({tag: n for n, tag in enumerate(tags)}, protocol)
    assert read_labels(write(tmp_path, content)) == tags


def test_a_pickle_of_python_2_is_read(tmp_path: Path) -> None:
    assert read_labels(write(tmp_path, OF_PYTHON_2)) == ["O", "B-LOC"]


@pytest.mark.parametrize(
    "record",
    [
        SHUFFLED,
        TAGS,
        ID_TO_TAG,
        dict(reversed(ID_TO_TAG.items())),
        {"model_type": "bert", "id2label": ID_TO_TAG, "label2id": TAG_TO_ID},
    ],
)
def test_json_gives_the_tags_by_their_ids(tmp_path: Path, record: Any) -> None:
    assert read_labels(write(tmp_path, record, "labels.json")) == TAGS


@pytest.mark.parametrize(
    "content",
    ["O\nB-PER\nI-PER\n", "\ufeffO\r\n B-PER \r\n\r\nI-PER"],
)
def test_a_text_has_a_tag_a_line(tmp_path: Path, content: str) -> None:
    path = write(tmp_path, content.encode(), "labels.txt")
    assert read_labels(path) == ["O", "B-PER", "I-PER"]
    with pytest.raises(LabelError, match=r"latin\.txt: no text in UTF-8"):
        read_labels(write(tmp_path, b"O\nB-\xe9", "latin.txt"))


@pytest.mark.parametrize("key", ["id2label", "label_map"])
def test_ids_that_begin_with_1_leave_0_to_padding(tmp_path: Path, key: str) -> None:
    record = {"model_type": "bert", key: {"1": "O", "2": "B-PER", "3": "[CLS]"}}
    found = read_labels(write(tmp_path, record, "model_config.json"))
    assert found == ["[PAD]", "O", "B-PER", "[CLS]"]


def test_the_config_of_an_export_tells_the_scheme(tmp_path: Path) -> None:
    labels = LabelSet(["PER"], scheme="IOB1")
    path = write(tmp_path, label_config(labels), "config.json")
    assert read_labels(path) == labels


def test_the_labels_of_a_bundle_keep_scheme_and_digest(tmp_path: Path) -> None:
    labels = LabelSet(["PER", "LOC"], scheme="IOE1")
    path = write(tmp_path, labels.to_json(), "labels.json")
    assert read_labels(str(path)) == labels
    write(tmp_path, labels.to_json() | {"digest": "0"}, "labels.json")
    with pytest.raises(LabelError, match=r"labels\.json: .*was changed"):
        read_labels(path)


class Hostile:
    """Runs a shell command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("place", ["alone", "id", "tag", "after"])
def test_a_hostile_pickle_is_refused_and_not_run(
    tmp_path: Path, protocol: int, place: str
) -> None:
    marker = tmp_path / "was-run"
    hostile = Hostile(f"touch {marker}")
    content = pickle.dumps(
        {
            "alone": hostile,
            "id": {"O": 0, "B-PER": hostile},
            "tag": {"O": 0, hostile: 1},
            "after": [{"O": 0, "B-PER": 1}, hostile],
        }[place],
        protocol,
    )
    path = write(tmp_path, content)
    with pytest.raises(LabelError, match=r"labels\.pkl: .*nothing of it was run"):
        read_labels(path)
    assert not marker.exists()
    pickle.loads(content)
    assert marker.exists(), "the payload does not work, so that nothing was shown"


OTHER_PICKLES = {
    "a list": ["O", "B-PER"],
    "a str": "O",
    "an int": 1,
    "nothing": None,
    "a nested dict": {"O": {"B-PER": 0}},
    "a nested list": {"O": [0]},
    "a tuple": {("O",): 0},
    "bytes": {b"O": 0},
    "a set": {"O", "B-PER"},
    "a float": {"O": 0.0},
    "a bool": {"O": False, "B-PER": True},
    "ids to tags": {0: "O", 1: "B-PER"},
    "an ordered dict": collections.OrderedDict(O=0),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", OTHER_PICKLES)
def test_a_pickle_of_anything_else_is_refused(
    tmp_path: Path, kind: str, protocol: int
) -> None:
    path = write(tmp_path, pickle.dumps(OTHER_PICKLES[kind], protocol))
    with pytest.raises(LabelError, match="one dict from tag"):
        read_labels(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Psecret\n.",  # a persistent id
        b"\x80\x02\x82\x01.",  # an extension code
        b"\x80\x02cos\nsystem\n.",  # a global alone
        b"\x80\x09}.",  # a protocol to come
        b'{"O": 0, "B-PER": 1}',
    ],
)
def test_bytes_that_are_no_such_pickle_are_refused(
    tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(LabelError, match="one dict from tag"):
        read_labels(write(tmp_path, content))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"q\x00", b"r\xff\xff\xff\xff"),  # C's unpickler would ask for 64 GiB
        (b"}", b"\x95\xff\xff\xff\xff\xff\xff\xff\x7f}"),  # 8 exbibytes
        (b"}", b"}" * 100_000),
    ],
)
def test_numbers_in_a_pickle_make_no_room(
    tmp_path: Path, old: bytes, new: bytes
) -> None:
    content = OF_PYTHON_2.replace(old, new)
    assert read_labels(write(tmp_path, content)) == ["O", "B-LOC"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_truncated_pickle_is_refused(tmp_path: Path, protocol: int) -> None:
    content = pickle.dumps(TAG_TO_ID, protocol)
    for length in range(len(content)):
        with pytest.raises(LabelError, match="damaged"):
            read_labels(write(tmp_path, content[:length]))


@given(data=st.data())
def test_damaged_pickles_raise_nothing_but_label_errors(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    content = bytearray(pickle.dumps(TAG_TO_ID, data.draw(st.sampled_from(PROTOCOLS))))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        content[start : start + 2] = data.draw(st.binary(max_size=4))
    path = write(tmp_path_factory.getbasetemp(), bytes(content))
    with contextlib.suppress(LabelError):
        read_labels(path)


@pytest.mark.parametrize("name", ["labels.pkl", "labels.json"])
def test_a_huge_file_is_refused_unread(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    with pytest.raises(LabelError, match=f"at most {LARGEST_FILE} bytes"):
        read_labels(path)


def test_a_pipe_that_nobody_writes_into_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "labels.json")
    with pytest.raises(StorageError, match=r"labels\.json: must be a regular file"):
        read_labels(tmp_path / "labels.json")


@pytest.mark.parametrize(
    ("record", "received"),
    [
        ({"O": 0, "B-PER": 2}, r"\[0, 2\]"),
        ({"O": 2, "B-PER": 3}, r"\[2, 3\]"),
        ({"O": 0, "B-PER": 1, "I-PER": 1}, r"\[0, 1, 1\]"),
        ({"O": -1, "B-PER": 0}, r"\[-1, 0\]"),
    ],
)
def test_ids_that_do_not_run_from_0_are_refused(
    tmp_path: Path, record: dict[str, int], received: str
) -> None:
    id2label = {str(number): tag for tag, number in record.items()}
    files = [
        write(tmp_path, pickle.dumps(record)),
        write(tmp_path, record, "a.json"),
        *(
            [write(tmp_path, id2label, "b.json")]
            if len(id2label) == len(record)
            else []
        ),
    ]
    for path in files:
        with pytest.raises(LabelError, match=rf"{path.name}: .*each once.*{received}"):
            read_labels(path)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b'{"O": 0', "cannot be read as JSON"),
        (b'["O", "\xff"]', "cannot be read as JSON"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (["O", 1], "a list of tags"),
        ({"O": 0, "B-PER": "1"}, "a list of tags"),
        ({"O": True, "B-PER": False}, "a list of tags"),
        ({"O": 0.5}, "a list of tags"),
        ({"zero": "O"}, "a list of tags"),
        ({"id2label": None}, "a list of tags"),
        ({"tags": ["O", "B-PER"]}, "2 problems"),
        ("O", "a list of tags"),
    ],
)
def test_json_of_anything_else_is_refused(
    tmp_path: Path, record: Any, message: str
) -> None:
    path = write(tmp_path, record, "labels.json")
    with pytest.raises(LabelError, match=rf"labels\.json: .*({message})"):
        read_labels(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"ends in '\.csv'"):
        read_labels(write(tmp_path, TAGS, "labels.csv"))
    with pytest.raises(StorageError, match=r"nothing\.pkl: cannot be read: No such"):
        read_labels(tmp_path / "nothing.pkl")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(StorageError, match=r"folder\.json: must be a regular file"):
        read_labels(tmp_path / "folder.json")
