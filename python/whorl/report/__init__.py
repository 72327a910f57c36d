"""Text and plain data from outcomes, manifests and explanations, for people and for scripts; after the arrow's end."""
