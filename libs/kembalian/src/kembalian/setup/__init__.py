"""The start-up job of a deployment, and what a deployment's containers are told (deploy/)."""
