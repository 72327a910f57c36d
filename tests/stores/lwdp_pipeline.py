"""What made the caches ``lwdp-0.0.4`` and ``lwdp-0.0.5``; see README.md.  A test runs it with the import changed."""

import pandas as pd
from lwdp.stage import stage


@stage(numbers_file="raw/numbers.csv", other="raw/other.txt", cache=True, cache_format="parquet")
def read(**kwargs):
    """Read the numbers, "as they are"."""
    return pd.read_csv(kwargs["numbers_file"])


@stage(numbers=read)
def positive(numbers):
    return numbers[numbers["n"] > 0].reset_index(drop=True)


@stage(rows=positive, every=read, cache=True)
def count(rows, every):
    return pd.DataFrame({"rows": [len(rows)], "share": [len(rows) / len(every)]})


@stage(rows=positive, cache=True, cache_format="pickle")
def kept(rows):
    return rows.assign(label=[str(n) for n in rows["n"]])


@stage(rows=positive, cache=True, cache_format="feather")
def head(rows, top=2):
    return rows.head(top)
