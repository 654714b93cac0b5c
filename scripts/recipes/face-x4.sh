#!/bin/sh
# Makes face-x4 again: photo-x4, fine-tuned on synthetic faces by the command that users have.
# Usage: scripts/recipes/face-x4.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# Interrupted? Type the same command again: the run goes on where it stopped.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data

srgan-gp finetune --from photo-x4 -o runs/face-x4 \
    --data "$data/faces_synth256_train.zip" --validation "$data/faces_synth256_val.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
srgan-gp export runs/face-x4 --name face-x4 -o weights
