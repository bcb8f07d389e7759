"""What a history is made of, and how Hypothesis draws one.

A step is a plain tuple, so that what Hypothesis prints can be pasted: what, its details, and the
seconds until the next step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.simulation.troubles import KINDS

Step = tuple[Any, ...]

USERS, FILES = 3, 2
PAUSES = st.sampled_from([0.0, 0.0, 0.0, 0.3, 0.3, 1.0, 1.0, 4.0, 4.0, 7.0, 7.0, 31.0, 31.0, 130.0, 950.0])
SHORT = st.sampled_from([0.0, 0.3, 2.0, 9.0, 40.0, 200.0, 950.0])
MOMENTS = ("now", "callback", "download", "append", "appended", "reply", "command")


class History(NamedTuple):
    seed: int  # of Trio's scheduler
    policy: str
    steps: list[Step]


users = st.sampled_from([0, 0, 0, 1, 1, 2])
files = st.sampled_from([0, 0, 0, 0, 1])


def _by(what: str) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(what), users, files, PAUSES)


OFTEN = [("journal", "down"), ("journal", "down"), ("journal", "after"), ("blobs", "down")]
troubles = st.sampled_from([(where, kind) for where, kinds in KINDS.items() for kind in kinds] + OFTEN)
KINDS_OF_STEPS: dict[str, st.SearchStrategy[Step]] = {
    **{what: _by(what) for what in ("type", "leave", "save", "vanish", "nap", "view", "upload")},
    "restore": st.tuples(st.just("restore"), st.integers(0, 3), files, PAUSES),
    "wait": st.tuples(st.just("wait"), st.sampled_from([20.0, 1000.0, 1000.0, 4000.0])),
    "stop": st.tuples(st.sampled_from(["stop", "shut"]), SHORT, PAUSES),
    "kill": st.tuples(st.just("kill"), st.sampled_from(MOMENTS), st.integers(0, 25), SHORT, PAUSES),
    "crash": st.tuples(st.just("crash"), SHORT, PAUSES),
    "clock": st.tuples(st.just("clock"), st.sampled_from([0, 300, -300, 4000, -4000]), st.just(0.0)),
    "trouble": st.tuples(
        st.just("trouble"), troubles, st.integers(1, 5), SHORT, st.sampled_from([0.0, 0.0, 1.0])
    ),
}
# How often each is drawn; what stands first is what Hypothesis shrinks to.
WEIGHTS = {
    "type": 30, "leave": 8, "trouble": 8, "kill": 5, "save": 4, "vanish": 3, "nap": 3, "view": 1,
    "upload": 2, "restore": 2, "wait": 3, "stop": 2, "crash": 3, "clock": 1,
}  # fmt: skip
MISHAPS = 10


@st.composite
def mishap(draw: st.DrawFn) -> list[Step]:
    """Something is typed, and while it is to be saved something goes wrong, or several things do."""
    user, file = draw(users), draw(files)
    going = draw(st.sampled_from(["leave", "save", "vanish", "type"]))
    wrong = draw(st.lists(KINDS_OF_STEPS["trouble"], min_size=1, max_size=2))
    end = [(going, user, file, draw(PAUSES)), *draw(st.lists(KINDS_OF_STEPS["kill"], max_size=1))]
    return [("type", user, file, draw(st.sampled_from([0.3, 31.0]))), *wrong, *end]


def _one(what: str) -> st.SearchStrategy[list[Step]]:
    return KINDS_OF_STEPS[what].map(lambda step: [step])


doings = st.sampled_from(
    [what for what, weight in WEIGHTS.items() for _ in range(weight)] + ["mishap"] * MISHAPS
).flatmap(lambda what: mishap() if what == "mishap" else _one(what))
act = st.lists(doings, max_size=9)
# Several short lists and not a long one: Hypothesis makes lists short, and shrinks to none.
steps = st.tuples(act, act, act).map(lambda acts: [step for act in acts for some in act for step in some])
histories = st.builds(History, st.integers(0, 2**16), st.sampled_from(["always", "durable"]), steps)
