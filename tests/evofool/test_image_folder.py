import dataclasses

import pytest

from evofool.classifiers import load_classifier
from evofool.errors import UserError
from evofool.image_folder import read_image_folder

CARD = dataclasses.replace(
    load_classifier("mock:3:8x8x3").card,
    outputs=4,
    class_offset=1,
    labels=("starfish, sea star", "sea urchin", "crane"),
    ids=("n01", "n02", "n03"),
)


def fill(folder, *files: str):
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_folders_are_classes_by_label_index_or_id(tmp_path):
    fill(tmp_path, "sea star/b.jpg", "sea star/a.PNG", "1/c.webp", "n03/d.jpeg")
    found = read_image_folder(tmp_path, CARD)
    assert [(row.path.name, row.index) for row in found] == [
        ("c.webp", 1),
        ("d.jpeg", 2),
        ("a.PNG", 0),
        ("b.jpg", 0),
    ]


def test_what_is_hidden_or_no_picture_is_left_out(tmp_path):
    fill(tmp_path, "1/a.jpg", "1/.b.jpg", "1/notes.txt", ".cache/c.jpg", "labels.csv")
    assert [row.path.name for row in read_image_folder(tmp_path, CARD)] == ["a.jpg"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((), "has no subfolders; expected one for every class"),
        (("1/notes.txt",), r"hold no pictures; expected .*/CLASS/\*\.jpg"),
        (("star fish/a.jpg",), "star fish: unknown class 'star fish'; did you mean 'starfish'"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, files, message):
    fill(tmp_path, *files)
    with pytest.raises(UserError, match=message):
        read_image_folder(tmp_path, CARD)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="which is no folder; give the pictures' folder"):
        read_image_folder(tmp_path / "none", CARD)
