"""The records: what a person typed or an alert decided. Shared by the programs; it knows none of them."""
