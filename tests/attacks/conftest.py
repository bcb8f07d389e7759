"""The attacked: a real service on a free port, and a Document Server that writes down what it is asked."""

from tests.web.conftest import running, server, service

__all__ = ["running", "server", "service"]
