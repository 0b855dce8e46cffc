"""What is told while the lab works: events, and those who show or write them."""
