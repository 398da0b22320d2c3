"""Training of Valley packs: features cache, phase 1, evaluation, export."""
