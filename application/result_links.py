"""Whether a url that a person sent us can be a result of the Document Server, and none of its other doors."""

from __future__ import annotations

import re

# As a server 9.3 makes them, and so plain that no two readers of urls can disagree about it.
_RESULT = re.compile(
    r"https?://[A-Za-z0-9.:\[\]_-]+"
    r"(?:/[A-Za-z0-9._~-]+)*/cache/files(?:/[A-Za-z0-9._=-]+)+"
    r"(?:\?[A-Za-z0-9._=&%~+-]*)?"
)
_LONGEST = 2048


def may_be_a_result(url: str) -> bool:
    """Callbacks are the server's own word and need no such look.

    From our side of its proxy it answers more than it does from the outside: its /internal and /info, for
    example, which nobody may read through us.
    """
    plain = len(url) <= _LONGEST and _RESULT.fullmatch(url) is not None
    return plain and not {".", ".."} & set(url.partition("?")[0].split("/"))
