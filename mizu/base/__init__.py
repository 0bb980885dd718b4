"""Words and tools that everybody uses; knows nothing of the floors above."""
