#!/bin/sh
# Makes classic-x4 again: train, export, score. Two CPU cores with bf16: 1 h 46 min beside other work.
# The run of the shipped weights was planned for 900,000 images and shortened to 576,000 at image 234,688,
# so the rate of its first part was a little higher than the preset's.
# Usage: scripts/recipes/classic-x4.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# Interrupted? Type the same command again: the run goes on where it stopped.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data

srgan-gp train --preset classic-x4 -o runs/classic-x4 --validation "$data/photos_val.zip" \
    --data "$data/photos_train-0.zip" "$data/photos_train-1.zip" "$data/photos_train-2.zip"
srgan-gp export runs/classic-x4 --name classic-x4 -o weights
python scripts/score_card.py weights/classic-x4.toml --benchmarks "$data/bench_sr.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
