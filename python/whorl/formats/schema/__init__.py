"""What the table formats and json share: builtin values as JSON, and pandas objects as Arrow tables with a schema."""
