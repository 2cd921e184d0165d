"""The model bundle and its ONNX session: the one place in this package where I/O stands."""
