-- Moves shards until every worker holds as many partitions as the others, as far as that goes: after
-- distribute.sql, and whenever a worker was added. As a superuser on the coordinator, not in a
-- transaction: psql -v ON_ERROR_STOP=1 -f spread.sql <dsn>
--
-- Writes to a shard wait while it is moved (wallet-ledger asks again), all others go on.

SELECT rebalance_table_shards(
    'log.counter', rebalance_strategy := 'kembalian_by_partition',
    shard_transfer_mode := 'block_writes'
);
