"""Blobs in an object store: kept, read and deleted whatever others do and the store does."""
