"""The domain: what open documents and files are, and what follows from what. Standard library only."""
