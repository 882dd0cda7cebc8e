"""Word embeddings: counting, prediction, subwords and the first contextual vectors."""
