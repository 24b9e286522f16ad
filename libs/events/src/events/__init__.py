"""The public language of the house and its only Kafka mechanics."""
