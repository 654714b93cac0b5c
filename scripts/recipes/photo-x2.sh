#!/bin/sh
# Makes photo-x2 again, from photo-x2-psnr: one run against a critic. The exported weights are the average of the
# result and the start.
# The critic begins with the weights in photo-x4-start.critic.safetensors, as the critic of photo-x4 does: the
# layers of a critic do not depend on the scale.
# Usage: scripts/recipes/photo-x2.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# To resume an interrupted run, type the same command again.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data

mkdir -p runs/start
cp weights/photo-x2-psnr.onnx runs/start/photo-x2-start.onnx
cp scripts/recipes/photo-x4-start.critic.safetensors runs/start/photo-x2-start.critic.safetensors
srgan-gp train --preset photo-x4-cpu -o runs/photo-x2 --start-from runs/start/photo-x2-start.onnx --scale 2 \
    --critic-warmup-images 0 --critic-learning-rate 2e-4 --penalty-every 2 \
    --damage mild --sharpen-targets 0 --equivariance-weight 0.4 --ratio-ramp-images 2400 \
    --batch-size 16 --patch-sizes 24 --patch-starts 0 --ema-half-life-images 1000 \
    --total-images 8000 --validate-images 4000 --checkpoint-images 4000 \
    --precision bf16 --threads 1 \
    --validation "$data/photos_val.zip" --data "$data"/photos_train-[0-2].zip "$data"/photos_more_train-[0-3].zip
srgan-gp export runs/photo-x2 --name photo-x2 -o weights --exist overwrite \
    --blend weights/photo-x2-psnr.onnx --blend-share 0.15
python scripts/update_int8.py weights/photo-x2.toml --photos "$data"/photos_train-[0-2].zip
python scripts/score_card.py weights/photo-x2.toml --benchmarks "$data/bench_sr.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
