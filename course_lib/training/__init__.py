"""The one training loop, metrics and recorded experiments."""
