"""What the interop and chaos tests share: nodes to test, Kafka's Java tools, a small wire client, named checks."""
