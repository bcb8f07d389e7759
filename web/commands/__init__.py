"""The commands of `docledger` that have to do with the log."""
