#!/bin/sh
# Makes photo-x2-psnr again. The run begins with the layers of photo-x4-psnr, except for the last one, which has
# a quarter of the outputs for scale 2.
# Usage: scripts/recipes/photo-x2-psnr.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# To resume an interrupted run, type the same command again.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data

srgan-gp train --preset photo-x4-psnr-cpu -o runs/photo-x2-psnr --start-from weights/photo-x4-psnr.onnx \
    --scale 2 --learning-rate 4e-4 --warmup-images 2000 --total-images 64000 --shrink-share 0.5 \
    --ema-half-life-images 2000 --precision fp32 --threads 1 --validate-images 8000 --checkpoint-images 8000 \
    --validation "$data/photos_val.zip" --data "$data"/photos_train-[0-2].zip "$data"/photos_more_train-[0-3].zip
srgan-gp export runs/photo-x2-psnr --name photo-x2-psnr -o weights --exist overwrite
python scripts/update_int8.py weights/photo-x2-psnr.toml --photos "$data"/photos_train-[0-2].zip
python scripts/score_card.py weights/photo-x2-psnr.toml --benchmarks "$data/bench_sr.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
