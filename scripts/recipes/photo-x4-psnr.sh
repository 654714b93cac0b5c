#!/bin/sh
# Makes photo-x4-psnr again, from classic-x4: train twice, export, score. Two CPU cores with bf16:
# one hour. The first of the shipped runs had a harsher mixture and no grid loss; the second had a
# grid loss of weight 1 that was not yet measured against the contrast around it.
# Usage: scripts/recipes/photo-x4-psnr.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# Interrupted? Type the same command again: the run goes on where it stopped.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data

leg() { # RUN WEIGHTS
    srgan-gp train --preset photo-x4-psnr-cpu -o "$1" --start-from "$2" \
        --validation "$data/photos_val.zip" \
        --data "$data/photos_train-0.zip" "$data/photos_train-1.zip" "$data/photos_train-2.zip"
}

mkdir -p runs/exported
leg runs/photo-x4-psnr weights/classic-x4.safetensors
srgan-gp export runs/photo-x4-psnr --name photo-x4-psnr-1 -o runs/exported
leg runs/photo-x4-psnr-2 runs/exported/photo-x4-psnr-1.safetensors
srgan-gp export runs/photo-x4-psnr-2 --name photo-x4-psnr -o weights
python scripts/score_card.py weights/photo-x4-psnr.toml --benchmarks "$data/bench_sr.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
