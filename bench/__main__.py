"""`python -m bench`: the whole report."""
from bench.report import main

main()
