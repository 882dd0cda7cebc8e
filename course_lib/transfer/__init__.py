"""Transfer: what a pre-trained model is worth on another task."""
