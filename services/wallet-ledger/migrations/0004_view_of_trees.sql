-- The perfect subtrees of each partition's Merkle tree over its links, from 64 links on, as far as
-- the newest checkpoint: so that any proof is a few rows and at most two runs of 64 links, however
-- long the log is. A fold of log.link: what is lost is made again by the process that signs.
CREATE TABLE view.tree_node (
    partition smallint NOT NULL,
    level smallint NOT NULL CHECK (level >= 6), -- it has 2^level links
    index bigint NOT NULL CHECK (index >= 0), -- the first of them is number index * 2^level
    next_position bigint NOT NULL, -- of the first event after them
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (partition, level, index)
);
CREATE INDEX tree_node_by_position ON view.tree_node (partition, next_position) WHERE level = 6;

GRANT SELECT, INSERT, UPDATE, DELETE ON view.tree_node TO wallet_ledger_app;
