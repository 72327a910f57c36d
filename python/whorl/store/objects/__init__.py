"""Whole objects under names: what a root that is no local folder can do.  On the arrow: below *lookup* and *commit*."""
