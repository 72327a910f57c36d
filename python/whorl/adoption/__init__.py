"""
Another tool's cache in, entries of whorl out: what ``whorl import`` does.

``nuthatch`` and ``lwdp`` find out which call of which stage made a cached file, ``texts`` reads arguments out of key
texts, ``payloads`` reads the files, ``adopt`` commits.  The source is only read.  What does not say for sure which call
it is of, or what it was before it was written, is skipped with the reason.  Beside the arrow: entries that no *compute*
made.
"""
