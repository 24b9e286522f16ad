-- What was a row per bucket becomes a row per wallet. Views that are not whole stay so: they are
-- filled from the log (`kembalian rebuild wallet-ledger`).
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
