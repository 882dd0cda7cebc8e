"""From ELMo to BERT to ELECTRA: pre-training as an architecture times a task."""
