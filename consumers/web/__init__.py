"""The program `serve`: REST, server-sent events and the page's data; and `mcp`, the same for models."""
