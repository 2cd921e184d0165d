"""``groundswell series``: which series are counted; a person's schemes."""
