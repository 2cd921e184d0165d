"""The online programs, a folder each; ``adapters`` holds the clients that two or more of them use."""
