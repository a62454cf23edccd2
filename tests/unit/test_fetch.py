import hashlib

import pytest
from grvsnn.base.errors import InputError
from grvsnn.datasets import fetch
from grvsnn.datasets.fetch import check_redirect, fetch_file

CONTENT = b"genotypes"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "mirror" / "herd"
    folder.mkdir(parents=True)
    (folder / "raw.txt").write_bytes(CONTENT)
    return str(tmp_path / "mirror")


@pytest.fixture
def target(tmp_path):
    return tmp_path / "resources" / "herd" / "raw.txt"


def no_network(*_):
    raise AssertionError("the mirror must be looked at before the network")


def test_mirror_comes_before_the_network(mirror, target, monkeypatch):
    monkeypatch.setattr(fetch, "_download", no_network)
    fetch_file({"url": "https://example.org/raw", "sha256": SHA256}, target, mirror)
    assert target.read_bytes() == CONTENT


def test_wrong_checksum_leaves_nothing(mirror, target):
    with pytest.raises(InputError, match=f"is {SHA256}, expected 0000"):
        fetch_file({"url": "https://x.org/raw", "sha256": "0" * 64}, target, mirror)
    assert not list(target.parent.iterdir())


def test_half_a_download_leaves_nothing(target, monkeypatch):
    half = lambda url, path, *_: path.write_bytes(b"ge")  # noqa: E731
    monkeypatch.setattr(fetch, "_download", half)
    with pytest.raises(InputError, match="the file is damaged"):
        fetch_file({"url": "https://x.org/raw", "sha256": SHA256}, target, None)
    assert not list(target.parent.iterdir())


def test_downloads_go_over_https_only(target):
    with pytest.raises(InputError, match="only https"):
        fetch_file({"url": "http://example.org/raw"}, target, None)


@pytest.mark.parametrize(
    ("location", "allowed"),
    [
        ("https://a.org/raw", True),
        ("https://b.org/raw", True),
        ("/elsewhere", True),
        ("http://a.org/raw", False),
        ("https://a.org.evil.net/raw", False),
        ("//evil.net/raw", False),
        ("file:///etc/passwd", False),
    ],
)
def test_downloads_stay_on_the_registrys_hosts(location, allowed):
    call = ("https://a.org/x", location, {"a.org", "b.org"}, "herd/raw")
    if allowed:
        check_redirect(*call)
    else:
        with pytest.raises(InputError, match="which the registry does not name"):
            check_redirect(*call)


def test_unreachable_address_says_how_to_do_without(target, monkeypatch):
    monkeypatch.setattr(fetch, "RETRIES", 0)
    source = {"url": "https://127.0.0.1:9/raw", "sha256": SHA256}
    with pytest.raises(InputError, match="set GRVSNN_DATA_MIRROR to that folder"):
        fetch_file(source, target, None)
    assert not list(target.parent.iterdir())


def test_a_file_that_only_the_user_has(target):
    with pytest.raises(InputError, match=r"Ask the authors\. Put it at .*herd/raw"):
        fetch_file({"manual": "Ask the authors."}, target, None)
