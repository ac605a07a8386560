#!/bin/sh
# Builds the static library and lays out what a C++ build needs below the folder $1.
#
# cxx writes the header of the bridge below cargo's build output, under a name made of paths; cargo
# says where, and here it gets the name under which the hand-written headers include it.
set -eu

out=$1
here=$(cd "$(dirname "$0")/.." && pwd)
root=$(cd "$here/../.." && pwd)
messages=$(mktemp)
trap 'rm -f "$messages"' EXIT

cd "$root"
# shellcheck disable=SC2086 # the flags are words
${CARGO:-cargo} build --release --locked --package libmetachain-libmc ${CARGO_FLAGS:-} \
  --message-format=json-render-diagnostics > "$messages"

# A line is one JSON object; what is looked for in it has no escapes in it but those of its paths.
ours=$(grep 'libmetachain-libmc@' "$messages")
bridge=$(printf '%s\n' "$ours" | sed -n 's/.*"reason":"build-script-executed".*"out_dir":"\([^"]*\)".*/\1/p' | tail -n 1)
archive=$(printf '%s\n' "$ours" | grep -o '"[^"]*/libmetachain\.a"' | tail -n 1 | tr -d '"')
version=$(printf '%s\n' "$ours" | sed -n 's/.*libmetachain-libmc@\([^"]*\)".*/\1/p' | head -n 1)
if [ ! -f "$bridge/include/libmc/bridge.h" ] || [ ! -f "$archive" ]; then
  echo "cargo did not say where it put the library; run it by hand to see what is wrong:" >&2
  echo "  cargo build --release --package libmetachain-libmc" >&2
  exit 1
fi

# What Rust's standard library wants beside the C++ runtime, which the C++ compiler links by itself.
case $(uname -s) in
  Darwin)
    flags='-liconv -framework CoreFoundation -framework Security'
    libraries='iconv;-framework CoreFoundation;-framework Security'
    ;;
  *)
    flags='-lpthread -ldl -lm'
    libraries='pthread;dl;m'
    ;;
esac

mkdir -p "$out/include/libmc" "$out/lib/pkgconfig" "$out/lib/cmake/libmetachain"
# Only what has changed is written, so that a host's build need not start anew.
put() {
  cmp -s "$1" "$2" || cp "$1" "$2"
}
put "$archive" "$out/lib/libmetachain.a"
put "$bridge/include/libmc/bridge.h" "$out/include/libmc/bridge.h"
for header in libmc.h libain_rpc.h libmc/native_source.h; do
  put "$here/include/$header" "$out/include/$header"
done
for file in pkgconfig/libmetachain.pc cmake/libmetachain/libmetachainConfig.cmake \
  cmake/libmetachain/libmetachainConfigVersion.cmake; do
  sed -e "s|@VERSION@|$version|g" -e "s|@FLAGS@|$flags|g" -e "s|@LIBRARIES@|$libraries|g" \
    "$here/packaging/$(basename "$file").in" > "$messages"
  put "$messages" "$out/lib/$file"
done
echo "libmetachain $version for C++ is in $out"
