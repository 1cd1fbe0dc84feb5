"""Crops to vectors of unit length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from shared_libs.utils.progress import progress
from training.dataset.crop_set import CropSet
from training.loading.crops import Pictures, RowBatches, normalise

BATCH = 128


def embed(network: nn.Module, crops: CropSet, *, device: torch.device, quiet: bool = True) -> npt.NDArray[np.float32]:
    """float32 (n, d), each of length 1. network: (b, 3, h, w), normalised, to (b, d), on `device`."""
    pictures = Pictures(crops, device)
    was_training = network.training
    network.eval()
    parts = []
    with torch.inference_mode(), progress(len(crops), "looking", "images", quiet=quiet) as bar:
        for rows in RowBatches(len(crops), BATCH):
            vectors = network(normalise(pictures.batch(rows))).float()
            parts.append(nn.functional.normalize(vectors, dim=1).cpu().numpy())
            bar.advance(len(rows))
    network.train(was_training)
    return np.concatenate(parts).astype(np.float32)
