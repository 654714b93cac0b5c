#!/bin/sh
# Makes photo-x4-psnr again, from classic-x4: train five times, each from the weights of the run before;
# export, score. The shipped weights were trained a little differently:
# - The first run began with the first version of classic-x4, and had stronger degradations.
# - The other runs had a loss against dotted grids, which has been removed.
# - The third run had more of the aliased cubic among degraded images, and was stopped by hand after
#   110,368 images.
# - The fifth run was planned for 176,000 images, and shortened to 96,000 after image 55,328. Until then its
#   learning rate fell more slowly than here.
# Usage: scripts/recipes/photo-x4-psnr.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# To resume an interrupted run, type the same command again.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data

# Trains the folder RUN from WEIGHTS, with more OPTIONS, and exports it to runs/exported.
train() { # RUN WEIGHTS OPTIONS...
    run=$1 weights=$2
    shift 2
    srgan-gp train --preset photo-x4-psnr-cpu -o "$run" --start-from "$weights" "$@" \
        --validation "$data/photos_val.zip" \
        --data "$data"/photos_train-[0-2].zip $more
    srgan-gp export "$run" --name "${run##*/}" -o runs/exported --exist overwrite
}

more= # further archives of photos, for the fifth run
mkdir -p runs/exported
train runs/photo-x4-psnr-1 weights/classic-x4.onnx
train runs/photo-x4-psnr-2 runs/exported/photo-x4-psnr-1.onnx
train runs/photo-x4-psnr-3 runs/exported/photo-x4-psnr-2.onnx \
    --learning-rate 6e-4 --total-images 144000
train runs/photo-x4-psnr-4 runs/exported/photo-x4-psnr-3.onnx \
    --learning-rate 4e-4 --warmup-images 4000 --total-images 72000
more=$(echo "$data"/photos_more_train-[0-3].zip)
train runs/photo-x4-psnr-5 runs/exported/photo-x4-psnr-4.onnx \
    --learning-rate 4e-4 --warmup-images 2000 --total-images 96000 --shrink-share 0.5 \
    --ema-half-life-images 2000 --precision bf16 --threads 1
srgan-gp export runs/photo-x4-psnr-5 --name photo-x4-psnr -o weights --exist overwrite
python scripts/update_int8.py weights/photo-x4-psnr.toml --photos "$data"/photos_train-[0-2].zip
python scripts/score_card.py weights/photo-x4-psnr.toml --benchmarks "$data/bench_sr.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
