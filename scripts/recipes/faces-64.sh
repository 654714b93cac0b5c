#!/bin/sh
# Makes faces-64 again: a run of 280,000 images from random weights, another of 110,000 from its result, with a
# smaller learning rate and a larger share of the image critic, a third like it, of 80,000 images, and a fourth of
# 200,000, with a critic of fine detail, noise in the generator, and two steps of the critic for each of the generator.
# The runs of the shipped weights used one core each. The CPU had AMX for the first two runs, neither AMX nor bf16 for
# the third, and AVX512-BF16 for the fourth. The third run began with version 3, and the fourth with version 4.
# The filter of the last export smooths the faces, against grain and thin lines.
# Usage: scripts/recipes/faces-64.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# To resume an interrupted run, type the same command again.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data
export OMP_WAIT_POLICY=PASSIVE  # spinning threads stall each other beside other work

# Trains the folder RUN at PRECISION with OPTIONS.
train() { # RUN PRECISION OPTIONS...
    run=$1 precision=$2
    shift 2
    srgan-gp train --preset faces-64-cpu -o "$run" "$@" --precision "$precision" --threads 1 \
        --data "$data/faces_loose64_train-0.zip" "$data/faces_loose64_train-1.zip" \
        "$data/faces_omi64_train.zip" \
        --validation "$data/faces_loose64_val.zip" \
        --feature-weights "$shared/models/squeezenet1_1.safetensors" \
        --face-detector "$shared/models/face_detection_yunet.onnx"
}

train runs/faces-64 bf16 --generator-args width=24 --critic-width 12 --total-images 280000 \
    --validate-images 20000 --checkpoint-images 20000
srgan-gp export runs/faces-64 --name faces-64-first -o runs/exported --exist overwrite
slower="--learning-rate 5e-4 --critic-learning-rate 5e-4 --feature-ratio 1 --ema-half-life-images 15000"
train runs/faces-64-second bf16 --start-from runs/exported/faces-64-first.onnx --total-images 110000 \
    $slower --validate-images 22000 --checkpoint-images 11000
srgan-gp export runs/faces-64-second --name faces-64-second -o runs/exported --exist overwrite
train runs/faces-64-third fp32 --start-from runs/exported/faces-64-second.onnx --total-images 80000 \
    $slower --validate-images 20000 --checkpoint-images 10000
srgan-gp export runs/faces-64-third --name faces-64-third -o runs/exported --exist overwrite
train runs/faces-64-fourth bf16 --start-from runs/exported/faces-64-third.onnx --total-images 200000 \
    --generator-args noise_maps=8 --critic-detail --detail-ratio 4 --feature-ratio 1 --critic-steps 2 \
    --learning-rate 4e-4 --critic-learning-rate 1e-3 --critic-final-learning-rate 5e-4 \
    --ema-half-life-images 10000 --seed 11 --validate-images 25000 --checkpoint-images 12500
srgan-gp export runs/faces-64-fourth --name faces-64 -o weights --smoothing 0.08 --exist overwrite
python scripts/score_faces.py weights/faces-64.toml --data "$data/faces_loose64_val.zip" \
    --train-data "$data/faces_loose64_train-0.zip" "$data/faces_loose64_train-1.zip" \
    "$data/faces_omi64_train.zip" --feature-weights "$shared/models/squeezenet1_1.safetensors" \
    --detector "$shared/models/face_detection_yunet.onnx"
