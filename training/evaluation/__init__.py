"""Figures of a trained model: captions, retrieval, questions, parity with the browser; `python -m training.evaluate`."""
