"""The whole application against fate, on a mock clock: hours pass in milliseconds, and every run repeats.

Real are the application layer, the reply table and the stand-in's core; the wire between the two, the
journal and the blob store are in memory. Hypothesis draws histories: who opens, types and leaves, what
is killed at which await, what fails and for how long, and the seed of Trio's scheduler. After each one
everything is healed, everybody leaves, and `invariants.py` looks for what must not be.

    HISTORIES=20000 .venv/bin/pytest tests/simulation     a long run, other histories each time
    .venv/bin/python -m tests.simulation "History(…)"     one history, as Hypothesis prints it: its log

A failing history is shrunk and printed; pasted into that second line, or into `ONCE` of
`test_histories.py`, it fails again in exactly the same way, in any process.
"""
