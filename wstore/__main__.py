"""`python -m wstore`: the command `wstore`, also where the package is not installed."""
from wstore.cli.tool import main

main(prog_name="wstore")
