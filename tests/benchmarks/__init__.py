"""Docledger beside a bare hello on the same server, in interleaved rounds: `python -m tests.benchmarks`."""
