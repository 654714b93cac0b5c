#!/bin/sh
# Makes the successor of face-x4: photo-x4, fine-tuned on synthetic faces by the command that users have.
# The shipped weights are older: they began with version 2 of photo-x4 and had a feature loss.
# Usage: scripts/recipes/face-x4.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# To resume an interrupted run, type the same command again.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data

srgan-gp finetune --from photo-x4 -o runs/face-x4 \
    --data "$data/faces_synth256_train.zip" --validation "$data/faces_synth256_val.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
srgan-gp export runs/face-x4 --name face-x4 -o weights --exist overwrite
python scripts/score_card.py weights/face-x4.toml \
    --set faces_synth256_val="$data/faces_synth256_val.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
