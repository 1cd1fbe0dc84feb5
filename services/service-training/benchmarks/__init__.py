"""What service-training is measured against: a training as people would write it with PyTorch alone, and the GPU."""
