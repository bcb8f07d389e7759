"""Lean connections: the same HTTP/1.1 for a third of what Hypercorn's own Trio worker spends on it.

Parsing, framing and their limits are h11's, as there. What is left out is handing over: one task reads a
head, runs the application and sends its answer, and a body is read when the application asks for it, so that
no tasks and channels lie between. What a connection needs only now and then is done by one task for all of
them (`Shared`). docs/hypercorn.md says what each difference is worth.
"""
