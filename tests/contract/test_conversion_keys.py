"""To the server a conversion is a document: `info` knows its key, and calls wherever the command says.

This is how the doctor has itself called back without anybody's document.
"""

from __future__ import annotations

from tests.contract.integrator import Integrator
from tests.contract.servers import DocumentServer
from tests.contract.test_conversion import asked

TXT = 69  # the number of the type


def test_info_about_a_conversion_calls_the_url_that_it_names(
    document_server: DocumentServer, ours: Integrator, key: str
) -> None:
    assert asked(document_server, ours, key)["endConvert"]
    known = f"conv_{key}_{TXT}"
    answer = document_server.command(c="info", key=known, callback=f"{ours.url}/probe")
    assert (answer["error"], answer["users"]) == (0, [])
    (received,) = ours.received(known)
    assert (received.status, received.path) == (4, "/probe")


def test_a_conversion_has_no_callback_of_its_own(
    document_server: DocumentServer, ours: Integrator, key: str
) -> None:
    assert asked(document_server, ours, key)["endConvert"]
    assert document_server.command(c="info", key=f"conv_{key}_{TXT}")["error"] == 2
