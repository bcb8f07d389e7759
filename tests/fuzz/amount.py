"""How much is tried: a little and always the same in CI, FUZZ= for more, SEED= for something else."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

FUZZ = int(os.environ.get("FUZZ", "0"))
SEED = os.environ.get("SEED", "1")
USUAL = 10  # requests for each operation of the API, beside the systematic ones
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def thorough(usual: int = 200, share: float = 1.0) -> settings:
    """For a test whose examples are dearer than others, `share` is less than one."""
    return settings(
        max_examples=max(usual, int(FUZZ * share)),
        derandomize=not FUZZ,
        database=None,
        deadline=None,
        suppress_health_check=SLOW,
        phases=[Phase.explicit, Phase.generate, Phase.target, Phase.shrink],
    )


odd_text = st.text(st.characters(codec="utf-8")) | st.text(st.sampled_from("\ud83d\0\r\n\"'\\/%.;=+ a1é漢🙂"))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | odd_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_text, inner, max_size=3),
    max_leaves=8,
)
