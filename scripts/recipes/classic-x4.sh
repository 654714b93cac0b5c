#!/bin/sh
# Makes classic-x4 again, in four runs that each begin with the weights of the one before: small patches,
# larger patches, squared errors, sharper crops.
# The runs of the shipped weights were shortened by hand, so their learning rates were a little higher than
# here:
# - The first run was planned for 900,000 images and shortened at image 234,688.
# - The second run was planned for 176,000 images and ended at image 132,288.
# - The last run was planned for 320,000 images, shortened at image 124,512, and stopped at image 276,624,
#   after its best checkpoint at image 256,000.
# Usage: scripts/recipes/classic-x4.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# To resume an interrupted run, type the same command again.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data

# Trains the folder RUN with OPTIONS, and exports it to runs/exported.
run() { # RUN OPTIONS...
    folder=$1
    shift
    srgan-gp train --preset classic-x4 -o "$folder" "$@" --validation "$data/photos_val.zip" \
        --data "$data/photos_train-0.zip" "$data/photos_train-1.zip" "$data/photos_train-2.zip"
    srgan-gp export "$folder" --name "${folder##*/}-run" -o runs/exported --exist overwrite
}

large_patches="--batch-size 16 --patch-sizes 48 --patch-starts 0 --checkpoint-images 8000"
mkdir -p runs/exported
run runs/classic-x4
run runs/classic-x4-48px $large_patches --start-from runs/exported/classic-x4-run.onnx \
    --learning-rate 4e-4 --warmup-images 8000 --total-images 132288 --validate-images 16000
run runs/classic-x4-l2 $large_patches --start-from runs/exported/classic-x4-48px-run.onnx \
    --pixel-loss l2 --learning-rate 2.5e-4 --warmup-images 4000 --total-images 112000 \
    --validate-images 16000
run runs/classic-x4-shrunk $large_patches --start-from runs/exported/classic-x4-l2-run.onnx \
    --shrink-share 0.5 --learning-rate 4e-4 --warmup-images 4000 --total-images 288000 \
    --validate-images 8000
srgan-gp export runs/classic-x4-shrunk --name classic-x4 -o weights --exist overwrite
python scripts/score_card.py weights/classic-x4.toml --benchmarks "$data/bench_sr.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
