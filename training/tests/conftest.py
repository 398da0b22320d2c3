import torch

# Tiny tensors gain nothing from more threads and lose much on a busy machine.
torch.set_num_threads(1)
