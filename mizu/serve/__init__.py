"""What meets the network: listens, sniffs, hands over to a protocol, and sends its answers back in order."""
