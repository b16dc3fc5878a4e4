"""Tests of programs that use Redis: a fresh store or server for each, in the test's own process."""
