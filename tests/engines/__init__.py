"""Real engines that the tests start: PostgreSQL, Redis, an object store, and the network between."""
