-- Buckets one by one, for people and for sums; nothing is kept here.
DROP TABLE view.bucket;
CREATE VIEW view.bucket AS
SELECT w.partition, w.wallet_id, b.issuer, b.balance
FROM view.wallet w CROSS JOIN LATERAL unnest(w.issuers, w.balances) AS b (issuer, balance);

GRANT SELECT ON view.bucket TO wallet_ledger_app;
