#!/bin/sh
# Makes photo-x4-psnr again, from classic-x4: train, export, score. Two CPU cores with bf16: 30 minutes.
# Usage: scripts/recipes/photo-x4-psnr.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# Interrupted? Type the same command again: the run goes on where it stopped.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data

srgan-gp train --preset photo-x4-psnr-cpu -o runs/photo-x4-psnr \
    --start-from weights/classic-x4.safetensors --validation "$data/photos_val.zip" \
    --data "$data/photos_train-0.zip" "$data/photos_train-1.zip" "$data/photos_train-2.zip"
srgan-gp export runs/photo-x4-psnr --name photo-x4-psnr -o weights
python scripts/score_card.py weights/photo-x4-psnr.toml --benchmarks "$data/bench_sr.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
