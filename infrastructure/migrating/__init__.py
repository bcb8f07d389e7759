"""Logs and bytes moved from one engine to another: copied while the service goes on, compared, and proven."""
