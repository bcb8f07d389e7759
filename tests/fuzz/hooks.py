"""What schemathesis cannot know: how a file's name looks."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"], exclude_characters="/\\")

schemathesis.openapi.format(
    "file-name",
    st.builds(
        lambda stem, extension: f"a{stem}.{extension}",
        st.text(LETTERS, max_size=40),
        st.sampled_from(["docx", "txt", "csv", "pdf", "png", "x"]),
    ),
)
