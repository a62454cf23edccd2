"""Raw files: from a mirror folder or the network, checked before they are named."""

import hashlib
import logging
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlparse

import pooch

from grvsnn.base.errors import InputError
from grvsnn.base.files import atomic_path

if TYPE_CHECKING:
    from requests import Response

logger = logging.getLogger(__name__)

TIMEOUT_S = 60
RETRIES = 3


def fetch_file(source: Mapping, target: str | Path, mirror: str | None) -> None:
    """Bring one raw file under its final name, or leave nothing there.

    Parameters
    ----------
    source : mapping
        ``url`` (https) or, for data that may not be downloaded, ``manual``: how a
        person gets the file; ``sha256``, or None where no checksum is published;
        ``redirects``: hosts beside the address's own that may answer.
    target : path
        ``.../{dataset}/{file}``.
    mirror : str or None
        A folder with ``{dataset}/{file}``, looked at before the network.

    Raises
    ------
    InputError
        Checksum mismatch, no network, an answer from a host that the registry does not
        name, or a file that the user must supply.
    """
    target = Path(target)
    name = f"{target.parent.name}/{target.name}"
    local = Path(mirror) / name if mirror else None
    with atomic_path(target) as scratch:
        if local and local.exists():
            logger.info("%s: taken from the mirror %s", name, mirror)
            shutil.copyfile(local, scratch)
            origin = str(local)
        elif source.get("url"):
            origin = source["url"]
            hosts = {urlparse(origin).hostname, *source.get("redirects", ())}
            _download(origin, scratch, name, hosts)
        else:
            raise InputError(
                f"{name} must be supplied by you. {source['manual'].strip()} "
                f"Put it at $GRVSNN_DATA_MIRROR/{name}."
            )
        _check(scratch, source.get("sha256"), origin, name)


def _download(url: str, scratch: Path, name: str, hosts: Collection[str]) -> None:
    if urlparse(url).scheme != "https":
        raise InputError(f"{name}: only https addresses are downloaded, not {url}")

    def stay(response: "Response", **_: object) -> None:
        if response.is_redirect:
            check_redirect(response.url, response.headers["location"], hosts, name)

    downloads = pooch.create(
        path=scratch.parent,
        base_url="",
        registry={scratch.name: None},
        urls={scratch.name: url},
        retry_if_failed=RETRIES,
    )
    scratch.unlink()
    downloader = pooch.HTTPDownloader(timeout=TIMEOUT_S, hooks={"response": stay})
    try:
        downloads.fetch(scratch.name, downloader=downloader)
    except InputError:
        raise
    # requests' errors, pooch's ValueError and the system's all mean the same here
    except Exception as error:
        raise InputError(
            f"{name}: cannot download {url} ({error}). Without a network, put the file "
            f"into a folder as {name} and set GRVSNN_DATA_MIRROR to that folder."
        ) from None


def check_redirect(url: str, location: str, hosts: Collection[str], name: str) -> None:
    """Refuse to follow an answer away from https or from the registry's hosts.

    Parameters
    ----------
    url, location : str
        Where the answer came from, and where it points to (may be relative).
    hosts : collection of str
        Hosts that may answer.
    name : str
        Dataset and file.
    """
    target = urlparse(urljoin(url, location))
    if target.scheme != "https" or target.hostname not in hosts:
        raise InputError(
            f"{name}: {url} points on to {target.scheme}://{target.hostname}, which "
            "the registry does not name; if you trust it, list the host under redirects"
        )


def _check(path: Path, expected: str | None, origin: str, name: str) -> None:
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if expected is None:
        logger.warning("%s: no checksum is registered; sha256 is %s", name, found)
    elif found != expected:
        raise InputError(
            f"{name}: sha256 of {origin} is {found}, expected {expected}: the file is "
            "damaged or another version; remove it or fix the registry entry"
        )
