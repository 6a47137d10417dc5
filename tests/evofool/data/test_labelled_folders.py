import dataclasses
import time
from pathlib import Path

import pytest

from evofool import UserError, load_classifier
from evofool.data.labelled_folders import LabelledImage, read_image_folder, read_labels
from evofool.support import csv_cell

CARD = load_classifier("mock:10").card
NAMED_CARD = dataclasses.replace(
    load_classifier("mock:3:8x8x3").card,
    outputs=4,
    class_offset=1,
    labels=("starfish, sea star", "sea urchin", "crane"),
    ids=("n01", "n02", "n03"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files; tables of labels lie beside it."""
    (tmp_path / "images/deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.png"):
        (tmp_path / "images" / name).write_bytes(b"")
    return tmp_path / "images"


def table(folder: Path, content: str | bytes) -> Path:
    path = folder.parent / "labels.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        "file,index\na.png,3\ndeep/b.png,9\n",
        '\ufeffindex,wnid,file\r\n3,n1,a.png\r\n9,"n, 2",deep/b.png\r\n',
        "file, index, width\na.png, 3, 5\ndeep/b.png, 9, 5\n",
    ],
    ids=["plain", "other columns, as Excel writes it", "spaces"],
)
def test_a_table_is_read_whatever_else_it_holds(content: str, folder: Path):
    rows = read_labels(table(folder, content), CARD, images=folder)
    assert rows == [LabelledImage(folder / "a.png", 3), LabelledImage(folder / "deep/b.png", 9)]


MISTAKES = {
    "": "has no column file and no index; its first line is empty, expected file,index",
    "name,index\na.png,3\n": "has no column file; its first line is name, index",
    "file,class\na.png,3\n": "has no column index; its first line is file, class",
    "file,index\n": "has no rows below its first line",
    "file,index\na.png,10\n": "line 2: index is 10; expected 0..9, the classes of mock:10",
    "file,index\na.png,-1\n": "line 2: index is -1; expected 0..9",
    "file,index\na.png,cat\n": "line 2: index is 'cat'; expected the number of a class",
    "file,index\na.png,3.0\n": "line 2: index is '3.0'; expected the number of a class",
    "file,index\na.png\n": "line 2: expected a file and an index, found ['a.png']",
    "file,index\n,3\n": "line 2: expected a file and an index, found ['', '3']",
    "file,index\na.png,3\n\na.png,3\n": "line 4: a.png is on line 2 already; name each file once",
    "file,index,index\na.png,3,4\n": "has 2 columns index; expected one",
    "file,index\na.png,\u0663\n": "expected the number of a class",
    "file,index\na.png,1_0\n": "expected the number of a class",
    f"file,index\na.png,{'9' * 5000}\n": "expected the number of a class",
    f"file,index\n{'x' * 200_000},3\n": "line 2: field larger than field limit",
    "file,index\na.png,3\nb.png,3\n": "images/b.png, not there; is ",
    "file,index\nc.png,3\nb.png,3\n": "images/c.png and 1 more, not there; is ",
}


@pytest.mark.parametrize("content", MISTAKES)
def test_mistakes_in_a_table_are_explained(content: str, folder: Path):
    path = table(folder, content)
    with pytest.raises(UserError) as caught:
        read_labels(path, CARD, images=folder)
    assert MISTAKES[content] in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_is_no_table_or_no_folder_is_named(folder: Path):
    with pytest.raises(UserError, match=r"cannot read .*absent\.csv: No such file"):
        read_labels(folder / "absent.csv", CARD, images=folder)
    binary = table(folder, b"file,index\n\xff\xfe,3\n")
    with pytest.raises(UserError, match=r"labels\.csv is not UTF-8 text"):
        read_labels(binary, CARD, images=folder)
    with pytest.raises(UserError, match=r"images is '.*nowhere', which is no folder"):
        read_labels(binary, CARD, images=folder / "nowhere")


def test_a_cell_that_was_escaped_for_spreadsheets_is_read_as_it_was(folder: Path):
    (folder / "=1.png").write_bytes(b"")
    assert read_labels(table(folder, f"file,index\n{csv_cell('=1.png')},3\n"), CARD, images=folder)


def test_a_file_may_have_its_full_path(folder: Path):
    rows = table(folder, f"file,index\n{folder / 'a.png'},3\n")
    assert read_labels(rows, CARD, images=folder) == [LabelledImage(folder / "a.png", 3)]


def test_many_rows_are_read_fast(folder: Path):
    rows = "".join(f"{number}.png,{number % 10}\n" for number in range(10**5))
    start = time.process_time()
    with pytest.raises(UserError, match=r"0\.png and 99999 more, not there"):
        read_labels(table(folder, "file,index\n" + rows), CARD, images=folder)
    assert time.process_time() - start < 5  # 0.6 on an idle machine


def fill(folder, *files: str):
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_folders_are_classes_by_label_index_or_id(tmp_path):
    fill(tmp_path, "sea star/b.jpg", "sea star/a.PNG", "1/c.webp", "n03/d.jpeg")
    found = read_image_folder(tmp_path, NAMED_CARD)
    assert [(row.path.name, row.index) for row in found] == [
        ("c.webp", 1),
        ("d.jpeg", 2),
        ("a.PNG", 0),
        ("b.jpg", 0),
    ]


def test_what_is_hidden_or_no_image_is_left_out(tmp_path):
    fill(tmp_path, "1/a.jpg", "1/.b.jpg", "1/notes.txt", ".cache/c.jpg", "labels.csv")
    assert [row.path.name for row in read_image_folder(tmp_path, NAMED_CARD)] == ["a.jpg"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((), "has no subfolders; expected one for every class"),
        (("1/notes.txt",), r"hold no images; expected .*/CLASS/\*\.jpg"),
        (("star fish/a.jpg",), "star fish: unknown class 'star fish'; did you mean 'starfish'"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, files, message):
    fill(tmp_path, *files)
    with pytest.raises(UserError, match=message):
        read_image_folder(tmp_path, NAMED_CARD)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="which is no folder; give the images' folder"):
        read_image_folder(tmp_path / "none", NAMED_CARD)
