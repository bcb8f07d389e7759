"""Where an offered result is really fetched from: the configured server or a listed origin, nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

import httpx

from application.ports import DownloadFailed

_configured = lru_cache(64)(httpx.URL)  # of the settings' few urls, which are needed each time


def result_url(url: str, public_url: str, internal_url: str, origins: Iterable[str]) -> httpx.URL:
    """Only the path and query of an offered url count, unless its origin is listed.

    So whoever gets a url into a callback cannot make us talk to another host. One parser reads all
    the urls and makes the request: two could be played off against each other. Raises DownloadFailed.
    """
    try:
        offered = httpx.URL(url)
        if offered.scheme not in {"http", "https"} or not offered.host or offered.userinfo:
            raise DownloadFailed("the offered url is no plain http url")
        if _origin(offered) in {_origin(_configured(listed)) for listed in origins}:
            return offered.copy_with(fragment=None)
        return _inside(offered, _configured(public_url), _configured(internal_url))
    except (httpx.InvalidURL, ValueError) as error:
        raise DownloadFailed("the offered url is not a url") from error


def _inside(offered: httpx.URL, public: httpx.URL, internal: httpx.URL) -> httpx.URL:
    path, _, query = _text(offered).partition("?")
    if {".", ".."} & set(unquote(path).replace("\\", "/").split("/")):
        raise DownloadFailed("the offered url leaves its folder")
    prefix = _text(public).rstrip("/")
    if prefix and path.startswith(prefix + "/"):
        path = path.removeprefix(prefix)
    target = _text(internal).rstrip("/") + path + (f"?{query}" if query else "")
    return internal.copy_with(raw_path=target.encode("ascii"))


def _text(url: httpx.URL) -> str:
    return url.raw_path.decode("ascii")


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port  # httpx has left out default ports
