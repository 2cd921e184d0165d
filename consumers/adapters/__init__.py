"""The clients that two or more programs use: Kafka, embedded servers, the clock, and their twins."""
