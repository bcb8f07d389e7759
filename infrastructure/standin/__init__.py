"""A stand-in Document Server: small, honest, and a foreign server to the rest of Docledger."""

from .config import StandinConfig
from .running import RunningStandin, serve

__all__ = ["RunningStandin", "StandinConfig", "serve"]
