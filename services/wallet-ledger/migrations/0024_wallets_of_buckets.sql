-- What was a row per bucket becomes a row per wallet. Views that are not whole stay so: they are
-- filled from the log (`kembalian rebuild wallet-ledger`).

-- A process of the version before may still write. What it has in flight ends before we look; what
-- waits for us is fenced, and cannot be called again (0026 makes the functions anew).
SET LOCAL citus.multi_shard_modify_mode = 'sequential'; -- means nothing without Citus
LOCK TABLE view.bucket IN ACCESS EXCLUSIVE MODE;
DO $$
DECLARE
    v_partition smallint;
BEGIN
    FOR v_partition IN SELECT w.partition FROM view.whole w ORDER BY w.partition LOOP
        PERFORM log.raise_epoch(v_partition);
    END LOOP;
END
$$;
DROP FUNCTION log.append_group;
DROP FUNCTION log.append_groups;

INSERT INTO view.wallet (partition, wallet_id, version, issuers, balances)
SELECT e.partition, e.stream, e.version,
    coalesce(b.issuers, '{}'), coalesce(b.balances, '{}')
FROM (
    SELECT partition, stream, max(version) AS version FROM log.event
    WHERE partition IN (SELECT partition FROM view.whole)
    GROUP BY partition, stream
) AS e
LEFT JOIN (
    SELECT partition, wallet_id, array_agg(issuer ORDER BY issuer COLLATE "C") AS issuers,
        array_agg(balance ORDER BY issuer COLLATE "C") AS balances
    FROM view.bucket WHERE balance > 0
    GROUP BY partition, wallet_id
) AS b ON b.partition = e.partition AND b.wallet_id = e.stream;
