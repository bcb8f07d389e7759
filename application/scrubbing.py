"""Free text without the people and places in it: what is known of them, and what looks like a place."""

from __future__ import annotations

import re
from collections.abc import Iterable

GONE = "[…]"
SHORT = 3  # letters: of shorter strings only whole words are taken out

_QUOTED = r"""'[^']*[/\\@][^']*'|"[^"]*[/\\@][^"]*"|“[^”]*[/\\@][^”]*”"""
_MIME = r"(?<![^\s('\"“])(?:application|audio|font|image|message|model|multipart|text|video)/[\w.+-]+"
_WITH_A_SLASH = r"[^\s('\"“,;]*[/\\@][^\s)'\"”,;]*"
_ADDRESS = r"\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*\]?(?:%\w+)?(?::\d+)?|\d+(?:\.\d+){3}(?::\d+)?"
_HOST = r"(?:[\w-]+\.)+[\w-]*[^\W\d_][\w-]*\.?(?::\d+)?|[\w-]+:\d+|\blocalhost\b"
_LOOKS = re.compile(rf"(?P<mime>{_MIME})|{_QUOTED}|{_WITH_A_SLASH}|{_ADDRESS}|{_HOST}")


class Scrubber:
    def __init__(self, known: Iterable[str]) -> None:
        texts = sorted({text for text in known if text.strip()}, key=lambda text: (-len(text), text))
        self._known = [(text, text.casefold()) for text in texts]

    def scrub(self, text: str) -> str:
        """Without any of the known strings, in whatever case, and without urls, hosts, addresses, paths."""
        present = self._present(text)
        if present:
            text = re.sub("|".join(map(_pattern, present)), GONE, text, flags=re.IGNORECASE)
        text = _LOOKS.sub(_unless_mime, text)
        return GONE if any(len(known) >= SHORT for known in self._present(text)) else text

    def _present(self, text: str) -> list[str]:
        folded = text.casefold()
        return [known for known, as_folded in self._known if as_folded in folded]


def _pattern(known: str) -> str:
    escaped = re.escape(known)
    return escaped if len(known) >= SHORT else rf"(?<!\w){escaped}(?!\w)"


def _unless_mime(found: re.Match[str]) -> str:
    return found.group() if found.group("mime") else GONE
