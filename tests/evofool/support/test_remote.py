import sys
from pathlib import Path

import fsspec
import pytest

from evofool import UserError
from evofool.support import full_path, local_copy, locked, remote, url_of


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An object store in memory, with a folder, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store = fsspec.filesystem("memory")
    store.pipe({"/bucket/things/a.txt": b"one", "/bucket/things/deep/b.txt": b"two"})
    yield store
    store.rm("/bucket", recursive=True)


URL = "memory://bucket/things"


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("gs://bucket/runs/a", "gs://bucket/runs/a"),
        (Path("s3://bucket/runs/a/"), "s3://bucket/runs/a"),
        (Path("file:///runs/a"), "file:///runs/a"),
        ("runs/a", None),
        ("C:/runs/a", None),
        ("C:\\runs\\a", None),
        ("gs:a", None),
    ],
)
def test_a_url_is_known_from_a_path(place, url):
    assert url_of(place) == url
    assert full_path(place) == url or (url is None and Path(full_path(place)).is_absolute())


def test_what_lies_at_a_path_is_no_url(in_tmp_path: Path):
    (in_tmp_path / "gs:/bucket").mkdir(parents=True)
    assert url_of("gs://bucket") is None
    assert local_copy("gs://bucket") == Path("gs://bucket")


def test_a_copy_is_brought_up_to_date_by_what_has_changed(store, monkeypatch):
    copy = local_copy(URL)
    assert copy.name == "things"
    assert (copy / "deep/b.txt").read_text() == "two"
    fetched = []
    fetch = remote._fetch
    monkeypatch.setattr(remote, "_fetch", lambda *a: (fetched.append(a[1]), fetch(*a)))
    assert local_copy(Path(URL)) == copy
    assert fetched == []
    store.pipe("/bucket/things/a.txt", b"three")
    store.rm("/bucket/things/deep/b.txt")
    assert local_copy(URL) == copy
    assert fetched == ["/bucket/things/a.txt"]
    assert [p.name for p in copy.rglob("*") if p.is_file()] == ["a.txt"]
    assert (copy / "a.txt").read_text() == "three"


def test_a_file_is_copied_by_itself(store):
    assert local_copy(f"{URL}/a.txt").read_text() == "one"


def test_a_copy_is_never_written(store):
    for target in (copy := local_copy(URL), copy / "deep"):
        with pytest.raises(UserError, match="is a copy of what lies elsewhere"), locked(target):
            pass


def test_what_a_writer_leaves_is_not_copied(store):
    store.pipe({"/bucket/things/.writer.json": b"{}", "/bucket/things/.lock": b""})
    assert {path.name for path in local_copy(URL).iterdir()} == {"a.txt", "deep"}


def test_what_cannot_be_copied_is_refused(store, monkeypatch):
    with pytest.raises(UserError, match=r"^there is nothing at memory://bucket/no"):
        local_copy("memory://bucket/no")
    with pytest.raises(UserError, match="cannot read nonsense://a/b: Protocol not known"):
        local_copy("nonsense://a/b")
    monkeypatch.setattr(remote, "MOST_BYTES", 5)
    with pytest.raises(UserError, match="has 2 files of 6 bytes; expected at most 100,000 and 5"):
        local_copy(URL)


@pytest.mark.parametrize("path", ["/bucket/things/../../x", "/bucket/things/a\\b"])
def test_a_name_that_leads_elsewhere_is_refused(path):
    facts = {path: {"type": "file", "size": 1}}
    with pytest.raises(UserError, match="whose name leads elsewhere"):
        remote._checked(URL, "things", "/bucket/things", facts)


def test_a_file_that_changes_meanwhile_is_not_kept(store, monkeypatch):
    found = store.find("/bucket/things", detail=True)
    found["/bucket/things/a.txt"]["size"] = 2
    monkeypatch.setattr(type(store), "find", lambda *a, **k: found)
    with pytest.raises(UserError, match="has not the 2 bytes it had; it changes: try again"):
        local_copy(URL)
    assert not list((remote.user_cache() / "remote").rglob("a.txt"))


def test_a_package_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(UserError, match=r"cannot read gs://b/a: .*gcsfs"):
        local_copy("gs://b/a")
