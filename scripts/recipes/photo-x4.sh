#!/bin/sh
# Makes photo-x4 again, from photo-x4-psnr: one run of 90,000 images against a critic, on one core of a CPU with
# AMX, and one of 36,000 images without a critic, on one core of a CPU with AVX2. The targets of the second are
# sharpened more, so that it learns crisp and straight edges. The exported weights are 0.2 of the first and 0.8 of the
# second: the first alone draws dots along edges.
# In the first run, small batches of small patches give the critic many steps for the same number of pixels. With
# few and large batches, or with a larger learning rate, dots appear along edges.
# The weight of the feature loss is small: its gradient is about as large as that of the pixel loss. Ten times
# the weight gives a mesh in flat areas; without a feature loss this run paints skin and hair.
# The critic begins with the weights in photo-x4-start.critic.safetensors, which are from version 2 of photo-x4.
# The generator of version 2 drew a regular lattice, which its critic learned to detect. Against a critic with
# random weights the generator draws the lattice again.
# Usage: scripts/recipes/photo-x4.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# To resume an interrupted run, type the same command again.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data

mkdir -p runs/start
cp weights/photo-x4-psnr.onnx runs/start/photo-x4-start.onnx
cp scripts/recipes/photo-x4-start.critic.safetensors runs/start/
srgan-gp train --preset photo-x4-cpu -o runs/photo-x4 --start-from runs/start/photo-x4-start.onnx \
    --critic-warmup-images 0 --penalty-every 2 \
    --perceptual-loss squeeze --perceptual-weight 0.0035 --perceptual-noise 4 \
    --feature-weights "$shared/models/squeezenet1_1.safetensors" --precision bf16 --threads 1 \
    --validation "$data/photos_val.zip" --data "$data"/photos_train-[0-2].zip "$data"/photos_more_train-[0-3].zip
srgan-gp train --preset photo-x4-psnr-cpu -o runs/photo-x4-harsh --start-from weights/photo-x4-psnr.onnx \
    --damage harsh --sharpen-targets 0.6 --patch-sizes 32 --patch-starts 0 --batch-size 16 --learning-rate 5e-4 \
    --warmup-images 2000 --shrink-share 0.5 --ema-half-life-images 3000 --total-images 36000 \
    --validate-images 28000 --checkpoint-images 7000 --precision fp32 --threads 1 \
    --validation "$data/photos_val.zip" --data "$data"/photos_train-[0-2].zip "$data"/photos_more_train-[0-3].zip
srgan-gp export runs/photo-x4-harsh --name photo-x4-harsh -o runs/exported --exist overwrite
srgan-gp export runs/photo-x4 --name photo-x4 -o weights --exist overwrite \
    --blend runs/exported/photo-x4-harsh.onnx --blend-share 0.8
python scripts/score_card.py weights/photo-x4.toml --benchmarks "$data/bench_sr.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
