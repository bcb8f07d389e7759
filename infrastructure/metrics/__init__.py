"""What is counted and measured, for Prometheus; each application has a registry of its own."""

from infrastructure.metrics.registry import Metrics

__all__ = ["Metrics"]
