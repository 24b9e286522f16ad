"""The campus of 2016: its stores and people, and its trial played through the gateway."""
