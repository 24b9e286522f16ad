-- For a ledger that was distributed before migration 0023 (a row per wallet, docs/decisions/0041):
-- what distribute.sql does for a new one. Once, as a superuser on the coordinator, after the migrations
-- and while no wallet-ledger runs:
--     psql -v ON_ERROR_STOP=1 -1 -f wallets.sql <dsn>

SET LOCAL client_min_messages = warning;
SET LOCAL citus.multi_shard_modify_mode = 'sequential';

SELECT create_distributed_table('view.wallet', 'partition', colocate_with := 'log.counter');
SELECT truncate_local_data_after_distributing_table('view.wallet');
SELECT create_distributed_function(
    p.oid::regprocedure, 'p_partition', colocate_with := 'log.counter', force_delegation := true
)
FROM pg_proc p WHERE p.oid = 'log.append_group'::regproc;

-- Citus made the function on the workers with PostgreSQL's own rights: for everybody.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append_group TO wallet_ledger_app;
