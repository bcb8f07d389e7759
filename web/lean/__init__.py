"""Lean connections: the same HTTP/1.1 for a fifth of what Hypercorn's own Trio worker spends on it.

Requests are parsed by llhttp, and what is left out is handing over: one task takes a head, runs the
application and sends its answer, and a body is read when the application asks for it, so that no tasks and
channels lie between. What a connection needs only now and then is done by one task for all of them
(`Shared`). docs/hypercorn.md says what each difference is worth.
"""
