"""Apache Kafka's own command-line tools against a node: one module a family of tools, each with its checks in CHECKS."""
