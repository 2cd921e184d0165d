"""Who may call the API, what was done through it, and what people said of labels: on record."""
