"""Replication: this server's replicas and its master, the stream of writes between them, and its history."""
