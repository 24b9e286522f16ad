"""What tests of settlement stand on: a ledger in memory, and the service without its neighbours."""
