"""What attackers try, a row each; `pytest tests/attacks` counts them, and each must be refused."""
