#!/bin/sh
# Makes the bucket what it should be, however it is now: versioned, private, tidied, with a user to import and one to
# read. Uses mc and the shell alone, because mc's image has no grep and no sed.
#
# Needs: MC_HOST_platform (the root user, as a URL), BUCKET, SETTINGS (the folder of the JSON files),
# IMPORT_ACCESS_KEY, IMPORT_SECRET_KEY, READ_ACCESS_KEY, READ_SECRET_KEY.
set -eu

fail() {
    echo "bucket: $1" >&2
    exit 1
}

# give <user's access key> <its secret key> <policy>
give() {
    # Keys go in by standard input: arguments are seen by everybody on the node. `user add` also renews a secret.
    printf '%s\n%s\n' "$1" "$2" | mc admin user add platform >/dev/null
    mc admin policy create platform "$3" "$SETTINGS/policy-$3.json" >/dev/null
    # Attaching what is attached is an error to mc, and to nobody else.
    if ! answer=$(mc admin policy attach platform "$3" --user "$1" 2>&1); then
        case $answer in
        *"already in effect"*) ;;
        *) fail "policy $3 was not attached: $answer" ;;
        esac
    fi
    echo "bucket: a user has the policy $3"
}

[ "$IMPORT_ACCESS_KEY" != "$READ_ACCESS_KEY" ] ||
    fail "minio-credentials and s3-credentials-kserve name one user: whoever may read could write. Give KServe another"

mc ready platform
mc mb --ignore-existing "platform/$BUCKET"
mc version enable "platform/$BUCKET"
# The bucket was once readable by anyone.
mc anonymous set private "platform/$BUCKET"
# Import replaces all rules at once; `add` would add the same ones again at each run.
mc ilm rule import "platform/$BUCKET" <"$SETTINGS/lifecycle.json"
give "$IMPORT_ACCESS_KEY" "$IMPORT_SECRET_KEY" import
give "$READ_ACCESS_KEY" "$READ_SECRET_KEY" read
echo "bucket: $BUCKET is ready"
