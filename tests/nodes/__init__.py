"""Several nodes on one log: who looks after what, while nodes and the ways to the database come and go."""
