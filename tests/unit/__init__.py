"""Tests of parts in this process, without a server."""
