"""What `serve` decides: values in, values out."""
