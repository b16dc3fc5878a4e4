"""Differential tests: wstore against a real redis-server 7.0."""
