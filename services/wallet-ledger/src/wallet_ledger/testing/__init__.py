"""What tests and measurements need of the ledger, made by the ledger's own code."""
