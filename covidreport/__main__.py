"""`python -m covidreport`: the command where its folder is not on the path."""

from covidreport.cli import main

if __name__ == "__main__":
    main()
