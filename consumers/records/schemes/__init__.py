"""What people look for: the words of schemes, on record."""
