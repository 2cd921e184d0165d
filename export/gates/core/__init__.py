"""The gates as plain functions: measured values and limits in, a verdict with its reason out."""
