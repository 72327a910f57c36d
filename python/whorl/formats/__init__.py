"""How values become payload files and back: ``base`` has the protocols, each other module one format."""
