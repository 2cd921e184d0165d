"""The decisions of a refresh, over plain values: no I/O, no clock, no unseeded random source."""
