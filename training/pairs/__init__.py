"""Any CLIP image tower and causal language model of transformers as a Valley, by a JSON file; see training/README.md."""
