"""The proof that no save is lost: people edit while all that can fail does, then bytes are compared."""
