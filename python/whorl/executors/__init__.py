"""Where computing happens: this thread, other threads, an event loop; later processes and clusters."""
