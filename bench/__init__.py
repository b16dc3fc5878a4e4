"""Benchmarks: each module is a program (`python -m bench.memory --help`); `bench.report` runs them all.

Figures are ratios to the redis-server on the same machine in the same run; see RESULTS.md.
"""
