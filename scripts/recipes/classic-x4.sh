#!/bin/sh
# Makes classic-x4 again: train three times, export, score. Two CPU cores with bf16: 3 h 40 min beside
# other work. The first of the shipped runs was planned for 900,000 images and shortened to 576,000 at
# image 234,688, so the rate of its first part was a little higher than the preset's. The second was
# stopped by hand after 132,288 images.
# Usage: scripts/recipes/classic-x4.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# Interrupted? Type the same command again: the run goes on where it stopped.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data

leg() { # RUN OPTIONS...
    run=$1
    shift
    srgan-gp train --preset classic-x4 -o "$run" "$@" --validation "$data/photos_val.zip" \
        --data "$data/photos_train-0.zip" "$data/photos_train-1.zip" "$data/photos_train-2.zip"
    srgan-gp export "$run" --name "${run##*/}" -o runs/exported
}

mkdir -p runs/exported
leg runs/classic-x4
leg runs/classic-x4-48px --start-from runs/exported/classic-x4.safetensors --patch-sizes 48 \
    --patch-starts 0 --batch-size 16 --learning-rate 4e-4 --warmup-images 8000 --total-images 400000
leg runs/classic-x4-l2 --start-from runs/exported/classic-x4-48px.safetensors --pixel-loss l2 \
    --patch-sizes 48 --patch-starts 0 --batch-size 16 --learning-rate 2.5e-4 --warmup-images 4000 \
    --total-images 112000
srgan-gp export runs/classic-x4-l2 --name classic-x4 -o weights
python scripts/score_card.py weights/classic-x4.toml --benchmarks "$data/bench_sr.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
