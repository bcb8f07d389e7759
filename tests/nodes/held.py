"""Who holds which shard, as PostgreSQL sees it from outside: the names of nodes, and their shards."""

from __future__ import annotations

HELD = """SELECT nodes.name, array_agg(shard.objid::int) FROM nodes
    JOIN pg_locks AS node ON node.locktype = 'advisory' AND node.objid::bigint = nodes.number AND node.granted
    JOIN pg_locks AS shard ON shard.pid = node.pid AND shard.locktype = 'advisory' AND shard.objsubid = 2
        AND shard.objid < 64 AND shard.granted
    GROUP BY nodes.name"""
