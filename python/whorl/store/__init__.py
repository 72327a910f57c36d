"""Entries in, entries out: what a store holds for a call key, and the stores that hold it."""
