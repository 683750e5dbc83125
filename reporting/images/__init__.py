"""Pictures from strangers: what their headers say, and safe copies made from their pixels.

``headers`` needs no decoder and runs where uploads arrive; ``derivatives`` decodes, and runs only
in the worker's confined child process.
"""
