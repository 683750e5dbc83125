"""The command line, one module for each subject. Doors, like routes: read, call a verb, print."""
