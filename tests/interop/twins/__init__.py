"""What the comparison of our Kafka-named tools with Kafka's own is made of: a family of command lines for each tool."""
