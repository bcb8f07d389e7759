"""Whatever url is offered, the request goes to the configured server, or nowhere."""

from __future__ import annotations

import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from application.ports import DownloadFailed
from infrastructure.result_urls import result_url
from tests.fuzz.amount import odd_text, thorough

PUBLIC, INTERNAL, LISTED = (
    "https://office.example.com/ds",
    "http://10.0.0.2:8000/in",
    "https://cdn.example.com",
)
ALLOWED = {("http", "10.0.0.2", 8000), ("https", "cdn.example.com", None)}

schemes = st.sampled_from(["http", "https", "HTTP", "ftp", "file", "gopher", "javascript", "http:http", ""])
hosts = st.sampled_from(
    [
        *("office.example.com", "cdn.example.com", "10.0.0.2", "127.0.0.1", "localhost", "169.254.169.254"),
        *("[::1]", "[::ffff:169.254.169.254]", "[fe80::1%25eth0]", "0x7f.1", "2130706433", "017700000001"),
        *("evil.example", "cdn.example.com.evil.example", "evil.example#cdn.example.com", "。evil.example"),
        *(
            "cdn.example.com@evil.example",
            "evil.example\\@cdn.example.com",
            "cdn.example.com:443@evil.example",
        ),
        *("cdn.example.com%00.evil.example", "cdn.example.com%2eevil.example", "0", "cdn。example。com"),
    ]
)
ports = st.sampled_from(["", ":80", ":443", ":8000", ":0", ":22", ":99999", ":-1", ":", ":8000:1"])
pieces = ["/", "..", ".", "%2e%2e", "%2f", "\\", "//", "x", "ds", "@evil.example", "?", "#", "%", "é"]
paths = st.lists(st.sampled_from(pieces) | odd_text, max_size=8).map("".join)
slashes = st.sampled_from(["://", ":", "//", ":///"])
urls = st.builds("{}{}{}{}{}".format, schemes, slashes, hosts, ports, paths)


@thorough(1000)
@given(urls | odd_text)
@example("http://10.0.0.2:8000@evil.example/x")
@example("https://cdn.example.com:443\\@evil.example/")
@example("http://evil.example/\r\nHost: evil.example")
def test_the_request_goes_to_the_configured_server_or_nowhere(offered: str) -> None:
    try:
        url = result_url(offered, PUBLIC, INTERNAL, [LISTED])
    except DownloadFailed:
        return
    assert (url.scheme, url.host, url.port) in ALLOWED
    assert not url.userinfo
    request = httpx.Request("GET", url)
    assert request.url == url
    assert request.headers["Host"] in {"10.0.0.2:8000", "cdn.example.com"}
    assert not set(url.raw_path) & set(b" \r\n\0\\#")
    if url.host == "10.0.0.2":
        assert url.raw_path.startswith(b"/in/")
        assert not {b".", b".."} & set(url.raw_path.partition(b"?")[0].split(b"/"))
