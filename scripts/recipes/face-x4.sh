#!/bin/sh
# Makes face-x4 again, from its version 1, which draws a regular pattern of dots: two runs of the command that
# users have. The first removes the pattern, and with it the texture of skin and hair. The second brings the
# texture back, by a larger weight of the features with less noise on them. The result is averaged with version 1.
# The first run of the shipped weights was planned for 48,000 images and stopped by hand after 19,520; its
# checkpoint at 18,000 was taken.
# Version 1 is in the history of the repository, so the recipe needs a clone with history.
# Usage: scripts/recipes/face-x4.sh [SHARED]     SHARED holds data/ and models/; default ../shared
# Interrupted? Type the same command again: the run continues where it stopped.
set -eu
shared=${1:-${SRGAN_GP_SHARED:-../shared}}
data=$shared/data

# Trains the folder RUN from WEIGHTS, with more OPTIONS, and exports it to runs/exported.
finetune() { # RUN WEIGHTS OPTIONS...
    run=$1 weights=$2
    shift 2
    srgan-gp finetune --from "$weights" -o "runs/$run" --threads 1 \
        --data "$data/faces_synth256_train.zip" --validation "$data/faces_synth256_val.zip" \
        --feature-weights "$shared/models/squeezenet1_1.safetensors" \
        --set batch_size=8 patch_sizes=16 patch_starts=0 damage=mild learning_rate=1e-4 \
        critic_learning_rate=3e-4 equivariance_weight=1.5 penalty_every=2 \
        critic_warmup_images=800 freeze_critic_stages=0 ema_half_life_images=2000 \
        total_images=48000 patience=100 precision=bf16 "$@"
    srgan-gp export "runs/$run" --name "$run" -o runs/exported --exist overwrite
}

mkdir -p runs/start runs/exported
for file in onnx critic.safetensors; do
    git show "4f0edd2:weights/face-x4.$file" > "runs/start/face-x4-1.$file"
done
finetune face-x4-1 runs/start/face-x4-1.onnx \
    adversarial_ratio=0.5 perceptual_weight=0.02 perceptual_noise=4 best_by=psnr_y
finetune face-x4-2 runs/exported/face-x4-1.onnx \
    adversarial_ratio=0.7 perceptual_weight=0.06 perceptual_noise=2.5
srgan-gp export runs/face-x4-2 --name face-x4 -o weights --exist overwrite \
    --blend runs/start/face-x4-1.onnx --blend-share 0.4
python scripts/update_int8.py weights/face-x4.toml --photos "$data/faces_synth256_train.zip"
python scripts/score_card.py weights/face-x4.toml \
    --set faces_synth256_val="$data/faces_synth256_val.zip" \
    --feature-weights "$shared/models/squeezenet1_1.safetensors"
