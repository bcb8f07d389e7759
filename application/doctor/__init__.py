"""The doctor: what is seen of the settings, the Document Server, the ways between, and what it means."""
