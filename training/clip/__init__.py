"""Contrastive image-text training (CLIP, arXiv 2103.00020) of the pack's image tower and text tower."""
