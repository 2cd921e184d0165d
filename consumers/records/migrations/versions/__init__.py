"""One file a schema; a file that was released never changes."""
