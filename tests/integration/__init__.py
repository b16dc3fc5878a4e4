"""Tests of whole programs: the server with real clients, the command line, the benchmarks."""
