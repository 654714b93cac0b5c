#!/bin/sh
# Makes the successor of faces-64, from random weights: one run of 1,000,000 images on two CPU cores.
# The shipped weights are older: face_resnet and face_critic, 230,400 images, by the recipe of version 0.1.
# Usage: scripts/recipes/faces-64.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# Interrupted? Type the same command again: the run continues where it stopped.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data
export OMP_WAIT_POLICY=PASSIVE  # spinning threads stall each other beside other work

srgan-gp train --preset faces-64-cpu -o runs/faces-64 \
    --data "$data/faces_loose64_train-0.zip" "$data/faces_loose64_train-1.zip" \
    "$data/faces_omi64_train.zip" \
    --validation "$data/faces_loose64_val.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
srgan-gp export runs/faces-64 --name faces-64 -o weights
python scripts/score_faces.py weights/faces-64.toml --data "$data/faces_loose64_val.zip" \
    --train-data "$data/faces_loose64_train-0.zip" "$data/faces_loose64_train-1.zip" \
    "$data/faces_omi64_train.zip" --feature-weights "$shared/models/squeezenet1_1.safetensors" \
    --detector "$shared/models/face_detection_yunet.onnx"
