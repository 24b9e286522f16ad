"""The stores of the network: who they are, and which of them the public sees."""
