#!/bin/sh
# Make the secrets that are not there yet in the folder `secrets` of the working folder, each a file of random digits.
# Containers run as other users, so the files can be read, and nobody else may enter their folder.
set -eu
install -d -m 0700 secrets
for name in PGPASSWORD AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY RAY_AUTH_TOKEN UI_TOKEN; do
    if [ ! -s "secrets/$name" ]; then
        openssl rand -hex 32 | tr -d '\n' >"secrets/$name"
        chmod 0444 "secrets/$name"
    fi
done
