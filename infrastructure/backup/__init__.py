"""Backups: taken beside the running service, checked, and made into a service again."""
