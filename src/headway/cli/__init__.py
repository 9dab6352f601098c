"""The command line: `main.py` dispatches, each other file is one command: parse, call the library, print."""
