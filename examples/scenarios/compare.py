"""
Run the pipeline once per scenario, each in a namespace of its own, and show the results side by side.

    python ../flights/prepare.py raw        writes raw/, once
    python compare.py                       runs what is missing, and compares
    whorl ls                                shows what each namespace has

The scenarios stand here and not in pipeline.py: a table that the stages' code reads would count as a part of it, and
one changed number would run them all.
"""

import pandas as pd
from pipeline import outlook

SCENARIOS = {
    "baseline": {"wind_factor": 1.0},
    "windy": {"wind_factor": 1.25},
}


def side_by_side() -> pd.DataFrame:
    """Give the delay by airport, in minutes, a column per scenario."""
    results = {
        name: outlook(**parameters, namespace=name).set_index("origin")["delay"]
        for name, parameters in SCENARIOS.items()
    }
    return pd.DataFrame(results).round(2)


if __name__ == "__main__":
    print(side_by_side().to_string())
