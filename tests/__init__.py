"""The test suite; a package so that its helpers are imported as `tests.harness` and the like."""
