#!/bin/sh
# Builds the runtime image with Buildah and pushes it. Runs in the build Job's container, or by hand with the same variables.
#
#   BASE_IMAGE       what the image is built on, as Buildah takes it: a registry's reference, or oci:/dir:tag
#   DESTINATION      where it goes: docker://host/org/name:tag or oci:/dir:tag
#   IMAGE_TITLE      its title label
#   INPUTS_TAG       the hash of everything that goes in, its version label
#   CONTEXT_DIR      holds Containerfile and ca-bundle.pem (may be empty); never written
#   SCRATCH_DIR      room for the base, unpacked, and the image
#   TERMINATION_LOG  gets the digest of what was pushed
#   REGISTRY_AUTH_FILE  credentials, read by Buildah itself
set -eu

fail() {
    echo "build-runtime: $1" >&2
    exit "$2"
}

for name in BASE_IMAGE DESTINATION IMAGE_TITLE INPUTS_TAG CONTEXT_DIR SCRATCH_DIR TERMINATION_LOG; do
    eval "[ -n \"\${$name:-}\" ]" || fail "$name is not set" 64
done
command -v buildah > /dev/null 2>&1 || fail "buildah is not installed here. In a cluster, set SLIPWAY_BUILDER_IMAGE to an \
image that has it; on this machine: apt-get install buildah" 127

# A ConfigMap's files are links that change under us, and Buildah wants a place to write to.
mkdir -p "$SCRATCH_DIR/context" "$SCRATCH_DIR/tmp"
cat "$CONTEXT_DIR/Containerfile" > "$SCRATCH_DIR/context/Containerfile"
cat "$CONTEXT_DIR/ca-bundle.pem" > "$SCRATCH_DIR/context/ca-bundle.pem"
export HOME="$SCRATCH_DIR" TMPDIR="$SCRATCH_DIR/tmp"

# SSL_CERT_FILE replaces the builder's own roots, so it gets those too.
if [ -s "$CONTEXT_DIR/ca-bundle.pem" ]; then
    for file in /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem; do
        if [ -s "$file" ]; then cat "$file" > "$SCRATCH_DIR/roots.pem"; break; fi
    done
    cat "$CONTEXT_DIR/ca-bundle.pem" >> "$SCRATCH_DIR/roots.pem"
    export SSL_CERT_FILE="$SCRATCH_DIR/roots.pem"
fi

# vfs and chroot need neither a device, nor a mount, nor a privileged pod.
store() {
    buildah --root "$SCRATCH_DIR/storage" --runroot "$SCRATCH_DIR/run" --storage-driver vfs "$@"
}

case $DESTINATION in
    oci:*) directory=${DESTINATION#oci:}; mkdir -p "${directory%:*}" ;;
esac

# Buildah makes a name of an image layout's path and refuses one with a dot folder or a capital letter: a link hides it.
source=$BASE_IMAGE
case $BASE_IMAGE in
    oci:*)
        layout=${BASE_IMAGE#oci:}
        ln -s "${layout%:*}" "$SCRATCH_DIR/base-layout"
        cd "$SCRATCH_DIR"
        source=oci:base-layout:${layout##*:}
        ;;
esac

echo "build-runtime: pulling $BASE_IMAGE"
base=$(store pull --quiet "$source") || fail "the base image $BASE_IMAGE cannot be pulled. Check its name, and that the \
credentials cover its registry too: kubectl get secret quay-credentials" 65
base_digest=$(store inspect --type image --format '{{.FromImageDigest}}' "$base")

# Built from the pulled id, so that base and label are one image; --timestamp 0, so that equal inputs give an equal digest.
echo "build-runtime: building on $base_digest"
store build --isolation chroot --layers=false --format oci --timestamp 0 \
    --build-arg "BASE_IMAGE=$base" --build-arg "BASE_NAME=$BASE_IMAGE" --build-arg "BASE_DIGEST=$base_digest" \
    --build-arg "IMAGE_TITLE=$IMAGE_TITLE" --build-arg "INPUTS_TAG=$INPUTS_TAG" \
    --file "$SCRATCH_DIR/context/Containerfile" --tag slipway-runtime "$SCRATCH_DIR/context"

# The digest is what the push has written, never what was there before: compression changes it.
echo "build-runtime: pushing to $DESTINATION"
store push --digestfile "$SCRATCH_DIR/digest" slipway-runtime "$DESTINATION"
cat "$SCRATCH_DIR/digest" > "$TERMINATION_LOG"
echo "build-runtime: pushed $(cat "$SCRATCH_DIR/digest")"
