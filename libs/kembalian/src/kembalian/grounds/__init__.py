"""The ground under the house: PostgreSQL and Kafka servers that run as our own children."""
