#!/bin/sh
# Makes faces-64 again, from random weights: one run of 280,000 images on one core of a CPU with AMX.
# Usage: scripts/recipes/faces-64.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# Interrupted? Type the same command again: the run continues where it stopped.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data
export OMP_WAIT_POLICY=PASSIVE  # spinning threads stall each other beside other work

srgan-gp train --preset faces-64-cpu -o runs/faces-64 --precision bf16 --threads 1 \
    --generator-args width=24 --critic-width 12 --total-images 280000 \
    --validate-images 20000 --checkpoint-images 20000 \
    --data "$data/faces_loose64_train-0.zip" "$data/faces_loose64_train-1.zip" \
    "$data/faces_omi64_train.zip" \
    --validation "$data/faces_loose64_val.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors" \
    --face-detector "$shared/models/face_detection_yunet.onnx"
srgan-gp export runs/faces-64 --name faces-64 -o weights --exist overwrite
python scripts/score_faces.py weights/faces-64.toml --data "$data/faces_loose64_val.zip" \
    --train-data "$data/faces_loose64_train-0.zip" "$data/faces_loose64_train-1.zip" \
    "$data/faces_omi64_train.zip" --feature-weights "$shared/models/squeezenet1_1.safetensors" \
    --detector "$shared/models/face_detection_yunet.onnx"
