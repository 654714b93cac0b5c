#!/bin/sh
# Makes photo-x4 again, from photo-x4-psnr: train a critic beside a generator in four runs, then a fresh
# generator against that critic in two.
# The first of the shipped runs was stopped by hand at image 47,488: only its critic went on. The first
# four began with the photo-x4-psnr of their day. All of them also had a loss against dotted grids, which
# has been removed: it hid a lattice of another period.
# Usage: scripts/recipes/photo-x4.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# Interrupted? Type the same command again: the run goes on where it stopped.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data
features=$shared/models/squeezenet1_1.safetensors

leg() { # RUN WEIGHTS OPTIONS...
    run=$1 weights=$2
    shift 2
    srgan-gp train --preset photo-x4-cpu -o "$run" --start-from "$weights" "$@" \
        --feature-weights "$features" --validation "$data/photos_val.zip" \
        --data "$data/photos_train-0.zip" "$data/photos_train-1.zip" "$data/photos_train-2.zip"
    srgan-gp export "$run" --name "${run##*/}" -o runs/exported
}

mkdir -p runs/exported
leg runs/photo-x4-critic weights/photo-x4-psnr.onnx --adversarial-ratio 0.3 \
    --perceptual-weight 0.004 --ratio-ramp-images 16000 --total-images 64000
cp weights/photo-x4-psnr.onnx runs/exported/start.onnx
cp runs/exported/photo-x4-critic.critic.safetensors runs/exported/start.critic.safetensors
leg runs/photo-x4-1 runs/exported/start.onnx --critic-warmup-images 1600
leg runs/photo-x4-grid runs/exported/photo-x4-1.onnx --critic-warmup-images 0 \
    --ratio-ramp-images 0 --perceptual-weight 0.009 --total-images 16000
leg runs/photo-x4-features runs/exported/photo-x4-grid.onnx --critic-warmup-images 0 \
    --ratio-ramp-images 0 --perceptual-weight 0.03 --learning-rate 1.5e-4 \
    --total-images 14400
cp runs/exported/photo-x4-features.critic.safetensors runs/exported/start.critic.safetensors
leg runs/photo-x4-2 runs/exported/start.onnx --critic-warmup-images 1600 \
    --ratio-ramp-images 1600 --perceptual-weight 0.03 --learning-rate 2e-4 \
    --total-images 44800
leg runs/photo-x4-3 runs/exported/photo-x4-2.onnx --critic-warmup-images 0 \
    --ratio-ramp-images 0 --perceptual-weight 0.08 --learning-rate 1.5e-4 \
    --total-images 12800
srgan-gp export runs/photo-x4-3 --name photo-x4 -o weights
python scripts/score_card.py weights/photo-x4.toml --benchmarks "$data/bench_sr.zip" \
    --feature-weights "$features"
